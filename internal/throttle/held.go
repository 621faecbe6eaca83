package throttle

import "context"

type heldKey struct{}

// WithHeld returns a context in which Held calls held.
func WithHeld(ctx context.Context, held func()) context.Context {
	return context.WithValue(ctx, heldKey{}, held)
}

// Held is called by a breaker before it holds back the message of ctx. An adaptive limit around the
// breaker must not take that time for the time of the service.
func Held(ctx context.Context) {
	if held, ok := ctx.Value(heldKey{}).(func()); ok {
		held()
	}
}
