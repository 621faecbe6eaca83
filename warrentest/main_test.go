package warrentest_test

import (
	"log/slog"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/warrentest"
	"github.com/warren-mq/warren/worker"
)

// TestMain fails if a goroutine is left when all tests have ended.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// days is a policy whose retries take more than a day: an hour, five, and a day.
var days = retry.Policy{MaxAttempts: 4, InitialInterval: time.Hour, Multiplier: 5, MaxInterval: 24 * time.Hour, RandomizationFactor: -1}

// emailer is a worker whose one queue, email, hands all events to h.
func emailer(b *warrentest.Broker, h handler.Func, change ...func(*worker.Queue)) *worker.Worker {
	q := worker.Queue{Name: "email", Exchange: "events", Retry: days}
	for _, f := range change {
		f(&q)
	}
	w := worker.New(worker.Config{Broker: b.Config(), Logger: slog.New(slog.DiscardHandler)})
	w.Queue(q).Handle("#", h)
	return w
}
