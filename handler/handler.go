// Package handler defines the code that runs for a message: the Handler interface, Typed,
// which makes a Handler of a plain function, the codecs that decode its argument, and the
// Mux, which finds the handler for a routing key.
package handler

import (
	"context"
	"errors"
	"slices"
	"time"

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

// ErrStopping is returned by a handler or middleware that was still waiting to begin its
// work when the worker began to drain. The worker releases the message to the broker and
// spends no attempt.
var ErrStopping = errors.New("handler: the worker is stopping")

type stoppingKey struct{}

// WithStopping returns a copy of ctx from which Stopping returns stopping. The worker calls
// it; tests of handlers may call it too.
func WithStopping(ctx context.Context, stopping <-chan struct{}) context.Context {
	return context.WithValue(ctx, stoppingKey{}, stopping)
}

// Stopping returns a channel that is closed when the worker begins to drain,
// which is before ctx is cancelled: a handler in hand still has the grace to
// finish. Outside a worker it returns nil, and a receive from nil blocks.
func Stopping(ctx context.Context) <-chan struct{} {
	stopping, _ := ctx.Value(stoppingKey{}).(<-chan struct{})
	return stopping
}

type timeLimitKey struct{}

// WithTimeLimit returns a copy of ctx from which TimeLimit returns limit. The worker calls
// it with the Timeout of each queue; tests may call it too.
func WithTimeLimit(ctx context.Context, limit time.Duration) context.Context {
	return context.WithValue(ctx, timeLimitKey{}, limit)
}

// TimeLimit returns how long one run of the handler may take: the Timeout of its queue.
// Middleware needs it because its own context does not have that deadline, which begins
// with the handler. ok is false if the queue has no Timeout, and outside a worker.
func TimeLimit(ctx context.Context) (limit time.Duration, ok bool) {
	limit, ok = ctx.Value(timeLimitKey{}).(time.Duration)
	return limit, ok && limit > 0
}
