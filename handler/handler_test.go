package handler_test

import (
	"context"
	"slices"
	"testing"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
)

func TestChainPutsTheFirstOutermost(t *testing.T) {
	t.Parallel()
	var order []string
	note := func(name string) handler.Middleware {
		return func(next handler.Handler) handler.Handler {
			return handler.Func(func(ctx context.Context, m *message.Message) error {
				order = append(order, name)
				return next.Handle(ctx, m)
			})
		}
	}
	h := handler.Chain(handler.Func(nothing), note("outer"), note("inner"))
	if err := h.Handle(t.Context(), &message.Message{}); err != nil {
		t.Fatal(err)
	}
	if want := []string{"outer", "inner"}; !slices.Equal(order, want) {
		t.Errorf("order is %q, want %q", order, want)
	}
}

func TestStoppingIsWhatTheWorkerSet(t *testing.T) {
	t.Parallel()
	if ch := handler.Stopping(t.Context()); ch != nil {
		t.Errorf("outside a worker it is %v, want nil", ch)
	}
	stopping := make(chan struct{})
	ctx := handler.WithStopping(t.Context(), stopping)
	select {
	case <-handler.Stopping(ctx):
		t.Error("closed before the drain")
	default:
	}
	close(stopping)
	<-handler.Stopping(ctx)
}
