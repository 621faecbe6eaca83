package handler

import (
	"context"
	"errors"
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
