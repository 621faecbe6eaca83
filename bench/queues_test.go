package bench_test

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

// BenchmarkQueues starts one worker with 100, 300 and 1,000 queues and prints what
// a queue costs: growth should be no worse than linear. Classic queues, since a
// thousand quorum queues are a load of their own for one node.
func BenchmarkQueues(b *testing.B) {
	for _, n := range []int{100, 300, 1000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			url, prefix := rabbit.URL(b), rabbit.Queue(b)
			for range b.N {
				startQueues(b, url, prefix, n) // declares
				startQueues(b, url, prefix, n) // finds everything in place
			}
			ch := rabbit.Channel(b, url)
			for i := range n {
				for _, q := range []string{queueName(prefix, i), topology.DeadLetterQueue(queueName(prefix, i)), topology.ParkingQueue(queueName(prefix, i)), "warren.delay.for." + queueName(prefix, i)} {
					if _, err := ch.QueueDelete(q, false, false, false); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

func queueName(prefix string, i int) string { return fmt.Sprintf("%s-%04d", prefix, i) }

func startQueues(b *testing.B, url, prefix string, n int) {
	b.Helper()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	goroutines, began := runtime.NumGoroutine(), time.Now()
	w := worker.New(worker.Config{Broker: broker.Config{URL: url}, Logger: slog.New(slog.DiscardHandler)})
	for i := range n {
		w.Queue(worker.Queue{Name: queueName(prefix, i), Type: topology.Classic}).
			Handle("#", handler.Func(func(context.Context, *message.Message) error { return nil }))
	}
	ctx, stop := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	rabbit.Eventually(b, 5*time.Minute, func() bool { return w.Health().Ready }, "the worker is ready")
	took := time.Since(began)
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(took.Milliseconds())/float64(n), "start-ms/queue")
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/1024/float64(n), "KiB/queue")
	b.ReportMetric(float64(runtime.NumGoroutine()-goroutines)/float64(n), "goroutines/queue")
	stop()
	if err := <-done; err != nil {
		b.Fatal(err)
	}
}
