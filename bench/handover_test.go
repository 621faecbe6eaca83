package bench_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/worker"
)

// BenchmarkHandOver measures how fast failing messages are handed over to the parking queue:
// from the first failure until the last copy is confirmed. The messages are due in a minute.
func BenchmarkHandOver(b *testing.B) {
	for _, concurrency := range []int{1, 16} {
		for _, ahead := range []int{concurrency, 64} {
			b.Run(fmt.Sprintf("concurrency=%d/prefetch=%d", concurrency, concurrency+ahead), func(b *testing.B) {
				q := worker.Queue{Name: rabbit.Queue(b), Concurrency: concurrency, Prefetch: concurrency + ahead}
				declare(b, rabbit.URL(b), q)
				for range b.N {
					b.ReportMetric(handOver(b, q, 2000), "copies/s")
				}
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

func handOver(b *testing.B, q worker.Queue, n int) (perSecond float64) {
	b.Helper()
	url := rabbit.URL(b)
	fill(b, url, q.Name, n)
	begin, last := make(chan struct{}), make(chan struct{})
	w := worker.New(worker.Config{Broker: broker.Config{URL: url}, Logger: slog.New(slog.DiscardHandler)})
	var settled atomic.Int64
	w.Watch(func(e worker.Event) {
		if s, ok := e.(worker.Settled); ok && s.Outcome.Verdict == worker.Retry && settled.Add(1) == int64(n) {
			close(last)
		}
	})
	w.Queue(q).Handle("#", handler.Func(func(context.Context, *message.Message) error {
		<-begin
		return retry.Snooze(time.Minute)
	}))
	ctx, stop := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	rabbit.Eventually(b, 30*time.Second, func() bool { return w.Health().Ready }, "the worker is ready")
	began := time.Now()
	close(begin)
	<-last
	took := time.Since(began)
	stop()
	if err := <-done; err != nil {
		b.Fatal(err)
	}
	return float64(n) / took.Seconds()
}
