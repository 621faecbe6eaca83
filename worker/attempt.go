package worker

import (
	"context"
	"errors"
	"runtime/debug"
	"sync"

	"go.opentelemetry.io/otel/trace"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
)

// attempt is one run of a handler for a message: its context, the message, and what the
// failure record and the events say of it.
type attempt struct {
	message.Context
	span   trace.SpanContext // the span of the attempt
	canary string            // the header of a canary in its first attempt; see canary.go

	mu      sync.Mutex // a middleware may return before dispatch does
	pattern string
}

type attemptKey struct{}

// Value finds the attempt, for dispatch, and asks the message's context for everything else.
func (a *attempt) Value(key any) any {
	if key == (attemptKey{}) {
		return a
	}
	return a.Context.Value(key)
}

// handler returns the pattern of the handler that was called last. If none was called, it
// is the pattern that the routing key of the delivery matches.
func (a *attempt) handler() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.pattern
}

func (a *attempt) setHandler(pattern string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.pattern = pattern
}

// attempt runs the chain for a, within its span.
func (q *Subscription) attempt(a *attempt) error {
	_, pattern, _ := q.mux.Match(a.Message.RoutingKey)
	a.setHandler(pattern)
	within := handler.Func(func(ctx context.Context, m *message.Message) error {
		a.span = trace.SpanContextFromContext(ctx)
		return q.chain.Handle(ctx, m)
	})
	return safely(func() error { return handler.Chain(within, q.observing...).Handle(a, &a.Message) })
}

// dispatch is the inner end of the chain. It finds the handler for the message that it
// receives, which a middleware may have changed, and calls it.
func (q *Subscription) dispatch(ctx context.Context, m *message.Message) error {
	h, pattern, ok := q.mux.Match(m.RoutingKey)
	if a, found := ctx.Value(attemptKey{}).(*attempt); found {
		a.setHandler(pattern)
	}
	if len(m.Body) > q.config.MaxBodyBytes {
		return &TooLargeError{Size: len(m.Body), Limit: q.config.MaxBodyBytes}
	}
	if !ok {
		return &UnhandledError{Queue: q.config.Name, Key: m.RoutingKey}
	}
	return safely(func() error { return h.Handle(ctx, m) })
}

// neverRan reports whether err says that the message cannot be given to its handler. No
// attempt is spent then.
func neverRan(err error) bool {
	if _, ok := errors.AsType[*TooLargeError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*handler.DecodeError](err); ok {
		return true
	}
	_, ok := errors.AsType[*handler.InvalidError](err)
	return ok
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
