package handler

import (
	"context"
	"errors"
	"time"
)

// ErrStopping is returned by code that was only waiting, and had not begun its
// work, when the worker began to drain. The worker releases the message to the
// broker and spends no attempt.
var ErrStopping = errors.New("handler: the worker is stopping")

type stoppingKey struct{}

// WithStopping returns ctx carrying stopping, for Stopping to find. The worker
// calls it; tests may.
func WithStopping(ctx context.Context, stopping <-chan struct{}) context.Context {
	return context.WithValue(ctx, stoppingKey{}, stopping)
}

// Stopping returns a channel that is closed when the worker begins to drain,
// which is before ctx is cancelled: a handler in hand still has the grace to
// finish. Outside a worker it is nil, so that receiving from it blocks for ever.
func Stopping(ctx context.Context) <-chan struct{} {
	stopping, _ := ctx.Value(stoppingKey{}).(<-chan struct{})
	return stopping
}

type timeLimitKey struct{}

// WithTimeLimit returns ctx carrying limit, for TimeLimit to find. The worker calls it
// with the Timeout of each queue; tests may.
func WithTimeLimit(ctx context.Context, limit time.Duration) context.Context {
	return context.WithValue(ctx, timeLimitKey{}, limit)
}

// TimeLimit returns how long one run of the handler may take: the Timeout of its queue.
// It is for middleware, whose context does not have that deadline yet, since it begins
// with the handler. It is false if the queue has no Timeout, and outside a worker.
func TimeLimit(ctx context.Context) (limit time.Duration, ok bool) {
	limit, ok = ctx.Value(timeLimitKey{}).(time.Duration)
	return limit, ok && limit > 0
}
