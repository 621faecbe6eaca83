package bench_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/worker"
)

var errAgain = errors.New("not yet")

// BenchmarkRetryAccuracy has 500 handlers at once ask for a retry after 0.3, 1.7,
// 4.5 or 12.8 s, mixed, and prints how late they come back. An early one fails it.
func BenchmarkRetryAccuracy(b *testing.B) {
	const retries = 500
	delays := []time.Duration{300 * time.Millisecond, 1700 * time.Millisecond, 4500 * time.Millisecond, 12800 * time.Millisecond}
	url := rabbit.URL(b)
	q := worker.Queue{Name: rabbit.Queue(b), Concurrency: 64}
	declare(b, url, q)
	for range b.N {
		type back struct{ delay, late time.Duration }
		came := make(chan back, retries)
		h := handler.Typed(func(ctx context.Context, n int) error {
			delay := delays[n%len(delays)]
			m := message.FromContext(ctx)
			if m.Attempt == 1 {
				return retry.After(delay, errAgain)
			}
			failed, err := m.Headers.Time(record.HeaderLastFailedAt)
			if err != nil {
				return err
			}
			came <- back{delay, time.Since(failed) - delay}
			return nil
		})
		runHandler(b, url, q, h, func() {
			p := broker.NewPublisher(broker.Config{URL: url}, "")
			items := make([]broker.Item, retries)
			for i := range items {
				items[i] = broker.Item{Key: q.Name, Body: i}
			}
			if err := p.PublishBatch(b.Context(), items...); err != nil {
				b.Fatal(err)
			}
			var late []time.Duration
			for range retries {
				c := <-came
				if c.late < 0 {
					b.Errorf("a retry after %v came %v early", c.delay, -c.late)
				}
				late = append(late, c.late)
			}
			slices.Sort(late)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(late[retries/2].Milliseconds()), "p50-ms-late")
			b.ReportMetric(float64(late[retries*99/100].Milliseconds()), "p99-ms-late")
			b.ReportMetric(float64(late[retries-1].Milliseconds()), "max-ms-late")
			if err := p.Close(); err != nil {
				b.Error(err)
			}
		})
	}
}
