// Command batches stores the same rows one at a time and in batches, and prints how many calls
// each way made. With DATABASE_URL it stores them in PostgreSQL, the batches by COPY.
package main

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/worker"
)

const rows = 500 // of each way

type reading struct {
	Sensor int     `json:"sensor"`
	Value  float64 `json:"value"`
}

// counter counts what one way of storing does.
type counter struct{ calls, got atomic.Int64 }

func (c *counter) add(name string, n int, began time.Time, done *sync.WaitGroup) {
	c.calls.Add(1)
	if c.got.Add(int64(n)) == rows {
		fmt.Printf("%s: %d rows by %d calls, %.0f rows/s\n", name, rows, c.calls.Load(), rows/time.Since(began).Seconds())
		done.Done()
	}
}

func main() {
	slog.SetLogLoggerLevel(slog.LevelError)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	store, err := openStore(ctx, os.Getenv("DATABASE_URL"))
	if err != nil {
		log.Fatal(err)
	}
	var single, together counter
	var done sync.WaitGroup
	done.Add(2)
	began, w := time.Now(), worker.New(worker.Config{Broker: brokerConfig()})
	w.Queue(worker.Queue{Name: "batches-single", Exchange: "batches", Concurrency: 4}).Handle("reading", handler.Typed(func(ctx context.Context, r reading) error {
		defer single.add("one at a time", 1, began, &done)
		return store.insert(ctx, r)
	}))
	// 100 readings, or as many as have arrived 50 ms after the first one, are stored by one call.
	w.Queue(worker.Queue{Name: "batches-together", Exchange: "batches"}).HandleBatch("reading", handler.Batch(func(ctx context.Context, all []reading) error {
		defer together.add("in batches", len(all), began, &done)
		return store.copy(ctx, all)
	}), 100, 50*time.Millisecond)

	go func() {
		defer stop() // ends Run
		<-w.Ready()
		if err := publish(ctx, w.Publisher("batches")); err != nil {
			log.Println(err)
			return
		}
		done.Wait()
	}()
	if err := w.Run(ctx); err != nil {
		log.Fatal(err)
	}
}

func publish(ctx context.Context, pub *broker.Publisher) error {
	all := make([]broker.Item, rows)
	for i := range all {
		all[i] = broker.Item{Key: "reading", Body: reading{Sensor: i % 8, Value: float64(i) / 10}}
	}
	return pub.PublishBatch(ctx, all...)
}
