package throttle

import "context"

type heldKey struct{}

// WithHeld returns a context in which Held calls held, after the functions of the contexts around it.
func WithHeld(ctx context.Context, held func()) context.Context {
	if outer, ok := ctx.Value(heldKey{}).(func()); ok {
		return context.WithValue(ctx, heldKey{}, func() { outer(); held() })
	}
	return context.WithValue(ctx, heldKey{}, held)
}

// Held is called by a breaker before it holds back the message of ctx. The adaptive limits around the
// breaker must not take that time for the time of the service.
func Held(ctx context.Context) {
	if held, ok := ctx.Value(heldKey{}).(func()); ok {
		held()
	}
}
