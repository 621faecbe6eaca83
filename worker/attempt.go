package worker

import (
	"context"
	"errors"
	"runtime/debug"

	"go.opentelemetry.io/otel/trace"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
)

// attempt is one run of a handler for a message: its context, the message, and
// what the two ends of the middleware chain have to tell each other.
type attempt struct {
	message.Context
	handler string                      // the pattern that matched
	run     func(context.Context) error // the handler, its input decoded
	span    trace.SpanContext           // the span the handler ran in
}

type attemptKey struct{}

// Value lets the chain's inner end find the attempt through whatever contexts
// the middleware has put around it.
func (a *attempt) Value(key any) any {
	if key == (attemptKey{}) {
		return a
	}
	return a.Context.Value(key)
}

// prepare finds the handler and decodes the body, before any middleware runs.
func (a *attempt) prepare(q Queue, mux *handler.Mux) error {
	m := &a.Message
	if len(m.Body) > q.MaxBodyBytes {
		return &TooLargeError{Size: len(m.Body), Limit: q.MaxBodyBytes}
	}
	h, pattern, ok := mux.Match(m.RoutingKey)
	if !ok {
		return &UnhandledError{Queue: q.Name, Key: m.RoutingKey}
	}
	a.handler = pattern
	p, ok := h.(handler.Preparer)
	if !ok {
		a.run = func(ctx context.Context) error { return h.Handle(ctx, m) }
		return nil
	}
	return safely(func() (err error) {
		a.run, err = p.Prepare(m)
		return err
	})
}

// innermost is the inner end of every chain: it calls the handler.
func innermost(ctx context.Context, _ *message.Message) error {
	a, ok := ctx.Value(attemptKey{}).(*attempt)
	if !ok {
		return errors.New("worker: a middleware called its handler with a context not derived from its own")
	}
	a.span = trace.SpanContextFromContext(ctx)
	return safely(func() error { return a.run(ctx) })
}

// safely turns a panic into an error, with the stack.
func safely(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	return f()
}
