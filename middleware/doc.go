// Package middleware adds ready-made behaviour to handlers; each middleware has a file of
// its own. The first middleware of a queue is the outermost. A good order is RateLimit,
// Breaker, Dedupe, Retry. The worker itself adds Trace and Metrics as the outermost ones, and
// the queue's Timeout as the innermost, so that the Timeout does not include the time that a
// message waits in a middleware.
package middleware

import (
	"context"
	"errors"

	"github.com/cenkalti/backoff/v4"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
)

// panicError stands for a panic in spans and metrics. The panic itself continues.
type panicError struct{}

func (panicError) Error() string     { return "middleware: the handler panicked" }
func (panicError) ErrorType() string { return "panic" }

// watch runs next and calls done with its error, or with panicError if it panicked.
func watch(ctx context.Context, next handler.Handler, m *message.Message, done func(error)) (err error) {
	err = panicError{}
	defer func() { done(err) }()
	return next.Handle(ctx, m)
}

// failed reports whether err is the failure of a handler. A snooze and a release at shutdown
// are not failures.
func failed(err error) bool {
	if err == nil || errors.Is(err, handler.ErrStopping) {
		return false
	}
	_, snoozed := retry.SnoozeDelay(err)
	return !snoozed
}

// permanent reports whether err is marked as permanent, by package retry or by backoff/v4.
func permanent(err error) bool {
	_, ok := errors.AsType[*backoff.PermanentError](err)
	return ok || retry.IsPermanent(err)
}
