package worker

import (
	"context"
	"log/slog"
	"testing"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
)

// TestAnAttemptAllocatesLittle: the attempt, with the message and the context, and its time
// limit. A handler that uses its context pays for the timer.
func TestAnAttemptAllocatesLittle(t *testing.T) {
	for _, tt := range []struct {
		name   string
		handle handler.Func
		most   float64
	}{
		{"a handler that does nothing", func(context.Context, *message.Message) error { return nil }, 2},
		{"a handler that uses its context", func(ctx context.Context, _ *message.Message) error { return ctx.Err() }, 6},
	} {
		w := New(Config{Logger: slog.New(slog.DiscardHandler)})
		q := w.Queue(Queue{Name: "queue"})
		q.Handle("#", tt.handle)
		defer q.overdue.stop()
		q.deriveContext(t.Context())
		got := testing.AllocsPerRun(100, func() {
			a := &attempt{Context: message.Context{Context: q.inHand}}
			a.Message = message.Message{Queue: "queue", RoutingKey: "key", Attempt: 1}
			q.settled(a, q.decide(q.attempt(a), a), 0, nil)
		})
		if got > tt.most {
			t.Errorf("%s: %v allocations, want at most %v", tt.name, got, tt.most)
		}
	}
}
