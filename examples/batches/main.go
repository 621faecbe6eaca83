// Command batches stores the same rows one at a time and then in batches, and prints how many rows
// a second each way stored. With DATABASE_URL it stores them in PostgreSQL, the batches by COPY.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/worker"
)

type reading struct {
	Sensor int     `json:"sensor"`
	Value  float64 `json:"value"`
}

func main() {
	rows := flag.Int64("rows", 500, "how many rows to store each way")
	flag.Parse()
	if *rows < 1 {
		log.Fatalf("-rows is %d, want 1 or more", *rows)
	}
	slog.SetLogLoggerLevel(slog.LevelError)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	store, err := openStore(ctx, os.Getenv("DATABASE_URL"))
	if err != nil {
		log.Fatal(err)
	}
	single := &way{name: "one at a time", rows: *rows, end: make(chan struct{})}
	together := &way{name: "in batches", rows: *rows, end: make(chan struct{})}
	w := worker.New(worker.Config{Broker: brokerConfig()})
	one := w.Queue(worker.Queue{Name: "batches-single", Exchange: "batches", Concurrency: 4})
	one.Handle("reading", handler.Typed(func(ctx context.Context, r reading) error { return single.stored(1, store.insert(ctx, r)) }))
	// 100 readings, or as many as have arrived 50 ms after the first one, are stored by one call.
	many := w.Queue(worker.Queue{Name: "batches-together", Exchange: "batches", Concurrency: 4})
	many.HandleBatch("reading", handler.Batch(func(ctx context.Context, all []reading) error {
		return together.stored(len(all), store.copy(ctx, all))
	}), 100, 50*time.Millisecond)
	one.Pause()
	many.Pause()

	go func() {
		defer stop() // cancels ctx, so that Run drains and returns
		<-w.Ready()
		if err := errors.Join(publish(ctx, w.Publisher("batches"), *rows), single.run(ctx, one), together.run(ctx, many)); err != nil {
			log.Println(err)
			return
		}
		fmt.Println(single)
		fmt.Println(together)
	}()
	if err := w.Run(ctx); err != nil {
		log.Fatal(err)
	}
}

func publish(ctx context.Context, pub *broker.Publisher, rows int64) error {
	all := make([]broker.Item, rows)
	for i := range all {
		all[i] = broker.Item{Key: "reading", Body: reading{Sensor: i % 8, Value: float64(i) / 10}}
	}
	return pub.PublishBatch(ctx, all...)
}
