package tracetest_test

import (
	"context"
	"testing"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/internal/telemetry"
	"github.com/warren-mq/warren/limit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/worker"
)

// TestTheUseOfALimitIsMeasured with one slot and two messages.
func TestTheUseOfALimitIsMeasured(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	q := worker.Queue{Name: rabbit.Queue(t), Concurrency: 2}
	q.Middleware = []handler.Middleware{limit.Concurrency(q.Name, 1)}
	g := withQueue(t, q, handler.Func(func(context.Context, *message.Message) error { <-hold; return nil }))
	for range 2 {
		if err := g.pub.Publish(t.Context(), g.queue, 1); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct {
		what string
		want map[string]float64
	}{
		{"one message has the slot and the other waits", map[string]float64{
			telemetry.MetricLimitHeld: 1, telemetry.MetricLimitWaiting: 1, telemetry.MetricLimitWaitTime: 1,
		}},
		{"both are handled, and the process holds the slot", map[string]float64{
			telemetry.MetricLimitHeld: 1, telemetry.MetricLimitWaiting: 0, telemetry.MetricLimitWaitTime: 2,
			telemetry.MetricSettled + " ack": 2,
		}},
	} {
		rabbit.Eventually(t, patience, func() bool { return len(differ(collect(t, g.reader, g.queue), step.want)) == 0 }, step.what)
		if !isClosed(hold) {
			close(hold)
		}
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// TestPartitionsAreMeasured: the process consumes all of them, and its concurrency is of all.
func TestPartitionsAreMeasured(t *testing.T) {
	t.Parallel()
	g := withQueue(t, worker.Queue{
		Name: rabbit.Queue(t), Concurrency: 2, Partitions: 3, OrderBy: func(m *message.Message) string { return m.ID },
	}, handler.Func(func(context.Context, *message.Message) error { return nil }))
	want := map[string]float64{telemetry.MetricPartitions: 3, telemetry.MetricConcurrency: 6}
	rabbit.Eventually(t, patience, func() bool { return len(differ(collect(t, g.reader, g.queue), want)) == 0 }, "the metrics are as wanted")
}
