package tracetest_test

import (
	"context"
	"testing"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/internal/telemetry"
	"github.com/warren-mq/warren/message"
)

// TestTheStateAndDepthOfAQueueAreMeasured with a handler that holds the first message.
func TestTheStateAndDepthOfAQueueAreMeasured(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	g := withProviders(t, handler.Func(func(context.Context, *message.Message) error { <-hold; return nil }))
	for range 5 {
		if err := g.pub.Publish(t.Context(), g.queue, 1); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]float64{
		telemetry.MetricState + " consuming": 1, telemetry.MetricState + " paused": 0, telemetry.MetricState + " idle": 0,
		telemetry.MetricConcurrency: 1, telemetry.MetricPrefetch: 2, telemetry.MetricQueueTime: 1,
		telemetry.MetricQueueMessages: 3, telemetry.MetricQueueConsumers: 1, telemetry.MetricDeadLetters: 0,
	}
	rabbit.Eventually(t, patience, func() bool { return len(differ(collect(t, g.reader, g.queue), want)) == 0 }, "the metrics are as wanted")
	close(hold)
	rabbit.Eventually(t, patience, func() bool { return collect(t, g.reader, g.queue)[telemetry.MetricQueueTime] == 5 }, "the time in the queue is measured for each message")
}
