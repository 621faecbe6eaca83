package worker

import (
	"context"
	"testing"
	"time"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
)

// BenchmarkWatchingOverAHandler compares a handler below its Timeout with one that is
// watched as well.
func BenchmarkWatchingOverAHandler(b *testing.B) {
	limit := timeout(time.Minute)
	o := newOverdue(func(HandlerOverdue) {})
	defer o.stop()
	done := handler.Func(func(context.Context, *message.Message) error { return nil })
	for name, h := range map[string]handler.Handler{
		"timeout alone": handler.Chain(done, limit), "watched": handler.Chain(done, limit, o.middleware),
	} {
		b.Run(name, func(b *testing.B) {
			m := &message.Message{ID: "7", RoutingKey: "key"}
			b.ReportAllocs()
			for b.Loop() {
				if err := h.Handle(b.Context(), m); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
