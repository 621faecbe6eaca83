package middleware

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
)

// ErrTimeout is what errors.Is finds in the error of a handler that overran its
// Timeout, and in the cause of its context.
var ErrTimeout = errors.New("middleware: timeout")

// TimeoutError says which limit a handler overran. errors.Is says it is an
// ErrTimeout and a context.DeadlineExceeded.
type TimeoutError struct {
	Limit time.Duration // what the handler was given
	Err   error         // what the handler returned; nil in the cause of its context
}

// Error names the limit and what the handler returned.
func (e *TimeoutError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("middleware: the handler overran its timeout of %v", e.Limit)
	}
	return fmt.Sprintf("middleware: the handler overran its timeout of %v: %v", e.Limit, e.Err)
}

// Unwrap returns what the handler returned.
func (e *TimeoutError) Unwrap() error { return e.Err }

// Is says whether target is ErrTimeout or context.DeadlineExceeded.
func (e *TimeoutError) Is(target error) bool {
	return target == ErrTimeout || target == context.DeadlineExceeded
}

// Timeout is always true, as it is of context.DeadlineExceeded; net.Error asks it.
func (e *TimeoutError) Timeout() bool { return true }

// Reason is message.ReasonTimeout.
func (e *TimeoutError) Reason() string { return message.ReasonTimeout }

// Timeout gives each message at most d; 0 or less is no limit. The handler learns
// of it through its context, whose cause is a *TimeoutError naming d. It is never
// abandoned: the message waits until the handler really returns. If it returns nil
// then, the message is done; if it returns an error, that becomes the Err of a
// *TimeoutError.
func Timeout(d time.Duration) handler.Middleware {
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
