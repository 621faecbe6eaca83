package wiring

import (
	"cmp"
	"log/slog"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/middleware"
	"github.com/warren-mq/warren/middleware/adaptive"
	"github.com/warren-mq/warren/runner/internal/config"
)

// Middleware returns the middleware of a queue: its adaptive concurrency, its breaker, and the limits
// that it shares with other runners. Messages that wait for the adaptive concurrency have not passed
// the breaker yet.
func Middleware(q config.Queue, log *slog.Logger) (all []handler.Middleware) {
	if q.MinConcurrency > 0 {
		all = append(all, adaptive.New(q.MinConcurrency, q.Concurrency).Middleware)
	}
	if q.Breaker.Failures > 0 {
		all = append(all, breaker(q, log))
	}
	return append(all, q.Limits()...)
}

func breaker(q config.Queue, log *slog.Logger) handler.Middleware {
	return middleware.Breaker(gobreaker.Settings{
		Name: q.Name, Timeout: cmp.Or(time.Duration(q.Breaker.Pause), time.Minute),
		ReadyToTrip: func(c gobreaker.Counts) bool { return int(c.ConsecutiveFailures) >= q.Breaker.Failures },
		OnStateChange: func(_ string, _, to gobreaker.State) {
			log.Warn("runner: circuit breaker changed", "queue", q.Name, "state", to.String())
		},
	})
}
