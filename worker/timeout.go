package worker

import (
	"context"
	"fmt"
	"sync"
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
		overrun := &TimeoutError{Limit: d}
		return handler.Func(func(ctx context.Context, m *message.Message) error {
			limited := &limited{Context: ctx, deadline: time.Now().Add(d), overrun: overrun}
			defer limited.end()
			err := next.Handle(limited, m)
			if err == nil || context.Cause(limited) != overrun { //nolint:errorlint // this very timeout, and not one around it
				return err
			}
			if err == error(overrun) { //nolint:errorlint // the handler returned the bare cause: say it once
				return err
			}
			return &TimeoutError{Limit: d, Err: err}
		})
	}
}

// limited is the context of a handler with a time limit. The context with the timer takes four
// allocations, so it is made when the handler first uses its context: handlers that only
// compute never do.
type limited struct {
	context.Context // the parent
	deadline        time.Time
	overrun         *TimeoutError

	mu     sync.Mutex
	timed  context.Context // nil until the context is used
	cancel context.CancelFunc
	ended  bool // the handler has returned
}

// used returns the context with the timer.
func (l *limited) used() context.Context {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.timed == nil {
		l.timed, l.cancel = context.WithDeadlineCause(l.Context, l.deadline, l.overrun)
		if l.ended {
			l.cancel()
		}
	}
	return l.timed
}

// end cancels the context.
func (l *limited) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
	if l.cancel != nil {
		l.cancel()
	}
}

// Deadline returns the earlier one of the parent's deadline and its own.
func (l *limited) Deadline() (time.Time, bool) {
	if d, ok := l.Context.Deadline(); ok && d.Before(l.deadline) {
		return d, true
	}
	return l.deadline, true
}

func (l *limited) Done() <-chan struct{} { return l.used().Done() }

func (l *limited) Err() error { return l.used().Err() }

// Value uses the context with the timer, since package context asks for it by a key of its
// own. Only dispatch asks for the attempt.
func (l *limited) Value(key any) any {
	if key == (attemptKey{}) {
		return l.Context.Value(key)
	}
	return l.used().Value(key)
}
