// Command replicas runs three replicas of a worker, which together make at most four
// calls of a provider at a time.
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
	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/limit"
	"github.com/warren-mq/warren/worker"
)

// calls counts the calls of the provider: those in progress, the most at a time, and all.
type calls struct{ now, most, total atomic.Int64 }

func (c *calls) call() {
	now := c.now.Add(1)
	for most := c.most.Load(); now > most; most = c.most.Load() {
		c.most.CompareAndSwap(most, now) // fails if another call was faster
	}
	time.Sleep(20 * time.Millisecond)
	c.now.Add(-1)
	c.total.Add(1)
}

// replica is one process of several; here all of them are in one.
func replica(cfg broker.Config, provider *calls, done chan<- string) *worker.Worker {
	w := worker.New(worker.Config{Broker: cfg})
	q := w.Queue(worker.Queue{
		Name: "replicas-charges", Concurrency: 4, Prefetch: 4,
		Middleware: []handler.Middleware{limit.Concurrency("replicas", 4)},
	})
	q.Handle("replicas-charges", handler.Typed(func(_ context.Context, customer string) error {
		provider.call()
		done <- customer
		return nil
	}))
	return w
}

func main() {
	slog.SetLogLoggerLevel(slog.LevelError)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	cfg, provider, done := brokerConfig(), new(calls), make(chan string, 60)
	var running sync.WaitGroup
	replicas := []*worker.Worker{replica(cfg, provider, done), replica(cfg, provider, done), replica(cfg, provider, done)}
	for _, w := range replicas {
		running.Go(func() {
			defer stop() // ends the others
			if err := w.Run(ctx); err != nil {
				log.Println(err)
			}
		})
	}
	go func() {
		defer stop()
		<-replicas[0].Ready()
		pub := replicas[0].Publisher("")
		for i := range cap(done) {
			if err := pub.Publish(ctx, "replicas-charges", fmt.Sprintf("customer %d", i)); err != nil {
				log.Println(err)
				return
			}
		}
		for range cap(done) {
			<-done
		}
		fmt.Printf("%d charges, at most 4 at a time: %v\n", provider.total.Load(), provider.most.Load() <= 4)
	}()
	running.Wait()
}

// brokerConfig returns how to reach RabbitMQ or, if AMQP_URL is not set, a broker in memory.
func brokerConfig() broker.Config {
	if url := os.Getenv("AMQP_URL"); url != "" {
		return broker.Config{URL: url}
	}
	dev := devbroker.New() // a broker in memory, which ends with the process
	return broker.Config{URL: dev.URL(), Dial: dev.DialContext}
}
