package bench_test

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/worker"
)

const (
	partitioned     = 8
	partitionedKeys = 200
)

// BenchmarkPartitions compares one process that handles 10,000 messages of 1 KiB in the order of 200
// keys: from a queue with a single active consumer, and from one that distributes them to 8 partitions.
func BenchmarkPartitions(b *testing.B) {
	single := worker.Queue{Name: rabbit.Queue(b), Concurrency: 16, SingleActive: true}
	parts := worker.Queue{Name: rabbit.Queue(b), Concurrency: 2, Prefetch: 16, Partitions: partitioned}
	for range b.N {
		var one, all []rate
		for range pairs {
			one = append(one, handleKeyed(b, single))
			all = append(all, handleKeyed(b, parts))
		}
		compare(b, one, all)
	}
	ch := rabbit.Channel(b, rabbit.URL(b))
	for _, q := range []worker.Queue{single, parts} {
		for _, t := range q.WorkQueue(nil).Topology().Queues {
			if _, err := ch.QueueDelete(t.Name, false, false, false); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// handleKeyed measures how a worker handles the backlog of q.
func handleKeyed(b *testing.B, q worker.Queue) rate {
	b.Helper()
	var handled atomic.Int64
	q.OrderBy = func(m *message.Message) string { return m.Headers.String("key") }
	w := worker.New(worker.Config{Broker: broker.Config{URL: rabbit.URL(b)}, Logger: slog.New(slog.DiscardHandler)})
	sub := w.Queue(q)
	sub.Handle("#", handler.Typed(func(context.Context, payload) error { handled.Add(1); return nil }))
	sub.Pause()
	ctx, stop := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	rabbit.Eventually(b, time.Minute, func() bool { return w.Health().Ready }, "the worker is ready")
	const backlog = messages / 2
	items := make([]broker.Item, backlog)
	for i := range items {
		items[i] = broker.Item{Key: q.Name, Body: kibibyte(), Options: []broker.Option{broker.WithHeader("key", strconv.Itoa(i%partitionedKeys))}}
	}
	if err := w.Publisher("").PublishBatch(ctx, items...); err != nil {
		b.Fatal(err)
	}
	r := measure(backlog, func() {
		sub.Resume()
		rabbit.Eventually(b, 5*time.Minute, func() bool { return handled.Load() >= backlog }, fmt.Sprintf("%d messages are handled", backlog))
	})
	stop()
	if err := <-done; err != nil {
		b.Fatal(err)
	}
	return r
}
