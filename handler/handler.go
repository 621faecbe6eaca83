// Package handler is what runs for a message: the Handler interface, Typed to
// make one of a plain function, the codecs that turn bytes into its argument, and
// the Mux that finds the handler for a routing key.
package handler

import (
	"context"
	"slices"

	"github.com/warren-mq/warren/message"
)

// Handler handles one message. What it returns decides what becomes of the
// message: nil is done, an error is tried again, and an error marked by package
// retry says more. It is called by many goroutines at once.
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
