package handler

import (
	"context"
	"time"
)

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
