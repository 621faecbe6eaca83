package broker

import (
	"context"
)

type tracer struct{}

func newTracer() *tracer { return &tracer{} }

type publishSpan struct{}

func (t *tracer) start(ctx context.Context, o *outgoing) (context.Context, publishSpan) {
	return ctx, publishSpan{}
}
func (publishSpan) end(error) {}
