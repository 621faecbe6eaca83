// Package handler defines the code that runs for a message: the Handler interface, Typed,
// which makes a Handler of a plain function, the codecs that decode its argument, and the
// Mux, which finds the handler for a routing key.
package handler

import (
	"context"
	"slices"

	"github.com/warren-mq/warren/message"
)

// Handler handles one message. The error that it returns decides the outcome: with nil the
// message is acknowledged, with an error it is retried, and errors marked by package retry
// ask for another outcome. It is called by many goroutines at once.
type Handler interface {
	Handle(ctx context.Context, m *message.Message) error
}

// Func is a function as a Handler.
type Func func(ctx context.Context, m *message.Message) error

// Handle calls f.
func (f Func) Handle(ctx context.Context, m *message.Message) error { return f(ctx, m) }

// Middleware wraps a Handler in another one. It is called once, when the queue
// is set up, and not for each message.
type Middleware func(Handler) Handler

// Chain wraps h in mw; the first of mw is the outermost.
func Chain(h Handler, mw ...Middleware) Handler {
	for _, wrap := range slices.Backward(mw) {
		h = wrap(h)
	}
	return h
}
