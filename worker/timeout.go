package worker

import (
	"context"
	"fmt"
	"time"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
)

// TimeoutError is the error of a handler that overran the Timeout of its queue, and the
// cause of the handler's context. errors.Is reports that it is a context.DeadlineExceeded.
type TimeoutError struct {
	Limit time.Duration // what the handler was given
	Err   error         // what the handler returned; nil in the cause of its context
}

// Error names the limit and what the handler returned.
func (e *TimeoutError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("worker: the handler overran its timeout of %v", e.Limit)
	}
	return fmt.Sprintf("worker: the handler overran its timeout of %v: %v", e.Limit, e.Err)
}

// Unwrap returns what the handler returned.
func (e *TimeoutError) Unwrap() error { return e.Err }

// Is reports whether target is context.DeadlineExceeded.
func (e *TimeoutError) Is(target error) bool { return target == context.DeadlineExceeded }

// Timeout returns true, as net.Error wants of a timeout.
func (e *TimeoutError) Timeout() bool { return true }

// Reason returns message.ReasonTimeout.
func (e *TimeoutError) Reason() string { return message.ReasonTimeout }

// timeout cancels the handler's context after d, with a *TimeoutError as the cause; 0 or
// less means no limit. The handler is never abandoned: the message waits until it returns.
// If it returns nil then, the message is done; if it returns an error, that becomes the Err
// of a *TimeoutError.
func timeout(d time.Duration) handler.Middleware {
	return func(next handler.Handler) handler.Handler {
		if d <= 0 {
			return next
		}
		return handler.Func(func(ctx context.Context, m *message.Message) error {
			overrun := &TimeoutError{Limit: d}
			ctx, cancel := context.WithTimeoutCause(ctx, d, overrun)
			defer cancel()
			err := next.Handle(ctx, m)
			if err == nil || context.Cause(ctx) != overrun { //nolint:errorlint // this very timeout, and not one around it
				return err
			}
			if err == error(overrun) { //nolint:errorlint // the handler returned the bare cause: say it once
				return err
			}
			return &TimeoutError{Limit: d, Err: err}
		})
	}
}
