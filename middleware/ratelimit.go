package middleware

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/time/rate"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
)

// RateLimit handles messages at the rate of limiter, which several queues may share. A
// message that must wait keeps its worker goroutine, so that the queue stops fetching. If the
// worker begins to drain, the wait ends with handler.ErrStopping, and no attempt is spent. If
// ctx is done, the wait ends with the cause of ctx. A changed limit applies to messages that
// begin to wait afterwards. A limiter with a burst of 0 makes every message fail. RateLimit
// panics if limiter is nil.
func RateLimit(limiter *rate.Limiter) handler.Middleware {
	if limiter == nil {
		panic("middleware: RateLimit got a nil limiter")
	}
	return func(next handler.Handler) handler.Handler {
		return handler.Func(func(ctx context.Context, m *message.Message) error {
			if err := take(ctx, limiter); err != nil {
				return err
			}
			return next.Handle(ctx, m)
		})
	}
}

// take is like rate.Limiter.Wait, but also ends when the worker stops. It does not refuse a
// wait that is longer than the deadline, because that would spend an attempt without a call
// of the handler.
func take(ctx context.Context, limiter *rate.Limiter) error {
	if ctx.Err() != nil {
		return fmt.Errorf("middleware: rate limit: %w", context.Cause(ctx))
	}
	r := limiter.Reserve()
	if !r.OK() {
		return errors.New("middleware: rate limit: burst is 0, want 1 or more")
	}
	delay := r.Delay()
	if delay == 0 {
		return nil
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	if err := wait(ctx, timer.C, nil); err != nil {
		r.Cancel()
		return fmt.Errorf("middleware: rate limit: %w", err)
	}
	return nil
}

// wait returns nil when it receives from elapsed or changed. A stopping worker and a done ctx
// have precedence.
func wait(ctx context.Context, elapsed <-chan time.Time, changed <-chan struct{}) error {
	stopping := handler.Stopping(ctx)
	select {
	case <-elapsed:
	case <-changed:
	case <-stopping:
	case <-ctx.Done():
	}
	select {
	case <-stopping:
		return handler.ErrStopping
	default:
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}
