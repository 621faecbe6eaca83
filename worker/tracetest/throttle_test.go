package tracetest_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/internal/telemetry"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/middleware"
	"github.com/warren-mq/warren/middleware/adaptive"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/worker"
)

// TestAdaptiveLimitsAndBreakersAreMeasured: three messages are in a limit of two, and the first failure
// opens the breaker, for which the others then wait.
func TestAdaptiveLimitsAndBreakersAreMeasured(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	q := worker.Queue{Name: rabbit.Queue(t), Concurrency: 3, Retry: retry.Policy{InitialInterval: time.Minute}}
	q.Middleware = []handler.Middleware{adaptive.New(2, 3).Middleware, middleware.Breaker(gobreaker.Settings{
		Name: "service", ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= 1 },
	})}
	g := withQueue(t, q, handler.Func(func(context.Context, *message.Message) error { <-hold; return errors.New("down") }))
	for range 3 {
		if err := g.pub.Publish(t.Context(), g.queue, 1); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct {
		what string
		want map[string]float64
	}{
		{"two messages are handled", map[string]float64{
			telemetry.MetricConcurrencyLimit: 2, telemetry.MetricConcurrencyUsed: 2, telemetry.MetricInFlight: 3,
			telemetry.MetricBreakerState + " closed": 1, telemetry.MetricBreakerState + " open": 0, telemetry.MetricBreakerWaiting: 0,
		}},
		{"the third message waits for the breaker", map[string]float64{
			telemetry.MetricConcurrencyLimit: 2, telemetry.MetricConcurrencyUsed: 1,
			telemetry.MetricBreakerState + " closed": 0, telemetry.MetricBreakerState + " open": 1, telemetry.MetricBreakerWaiting: 1,
		}},
	} {
		rabbit.Eventually(t, patience, func() bool { return len(differ(collect(t, g.reader, g.queue), step.want)) == 0 }, step.what)
		if !isClosed(hold) {
			close(hold)
		}
	}
}
