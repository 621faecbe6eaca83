package worker_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/fleet"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/worker"
)

// BenchmarkIdleWorkers measures the CPU time of 200 idle workers, with two connections each, on
// one queue. An iteration takes 15 s, so that -benchtime 1x is enough.
func BenchmarkIdleWorkers(b *testing.B) {
	for name, c := range map[string]*fleet.Config{"alone": nil, "fleet": {}} {
		b.Run(name, func(b *testing.B) { measureIdle(b, c) })
	}
}

func measureIdle(b *testing.B, c *fleet.Config) {
	const workers, span = 200, 15 * time.Second
	url, queue := rabbit.URL(b), rabbit.Queue(b)
	ctx, stop := context.WithCancel(context.Background())
	var all sync.WaitGroup
	for i := range workers {
		w := worker.New(worker.Config{Broker: broker.Config{URL: url, Name: fmt.Sprint("idle ", i)}, Logger: slog.New(slog.DiscardHandler), Fleet: c})
		w.Queue(worker.Queue{Name: queue}).Handle("#", nothing)
		all.Go(func() {
			if err := w.Run(ctx); err != nil {
				b.Error(err)
			}
		})
		<-w.Ready()
	}
	b.Cleanup(func() {
		stop()
		all.Wait()
		ch := rabbit.Channel(b, url)
		for _, name := range []string{queue, queue + ".dlq", queue + ".delay"} {
			if _, err := ch.QueueDelete(name, false, false, false); err != nil {
				b.Error(err)
			}
		}
	})
	for b.Loop() {
		before := cpu(b)
		<-time.After(span)
		used := cpu(b) - before
		b.ReportMetric(100*used.Seconds()/span.Seconds()/workers, "%CPU/worker")
	}
}

// cpu returns the CPU time of this process.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
