// Command adaptive calls an HTTP service that becomes slow, recovers, and fails. The number of messages
// that are handled at a time follows it, and a circuit breaker pauses the queue and tries one message.
package main

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"net/http/httptest"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/middleware"
	"github.com/warren-mq/warren/middleware/adaptive"
	"github.com/warren-mq/warren/worker"
)

func main() {
	slog.SetLogLoggerLevel(slog.LevelError)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	s, limit := new(service), adaptive.New(2, 16)
	server := httptest.NewServer(s)
	w := worker.New(worker.Config{Broker: brokerConfig()})
	q := w.Queue(worker.Queue{Name: "adaptive-charges", Concurrency: 16, Middleware: []handler.Middleware{
		limit.Middleware,
		middleware.Breaker(gobreaker.Settings{Timeout: time.Second, OnStateChange: func(_ string, _, to gobreaker.State) {
			fmt.Println("the breaker is", to)
			s.down.Store(false) // the probe succeeds
			if to == gobreaker.StateClosed {
				stop() // ends Run
			}
		}}),
	}})
	q.Handle("#", handler.Typed(func(ctx context.Context, _ int) error { return call(ctx, server.URL) }))
	go func() {
		<-w.Ready()
		pub, charges := w.Publisher(""), make([]broker.Item, 100)
		for n := range charges {
			charges[n] = broker.Item{Key: "adaptive-charges", Body: n}
		}
		for ; ctx.Err() == nil; time.Sleep(50 * time.Millisecond) {
			if err := pub.PublishBatch(ctx, charges...); err != nil && ctx.Err() == nil {
				log.Println(err)
				stop()
			}
		}
	}()
	go func() {
		await(ctx, "the service is fast: 10 messages at a time", func() bool { return limit.Limit() >= 10 })
		s.slow.Store(true)
		await(ctx, "the service is slow: 6 messages at a time", func() bool { return limit.Limit() <= 6 })
		s.slow.Store(false)
		await(ctx, "the service is fast again: 10 messages at a time", func() bool { return limit.Limit() >= 10 })
		s.down.Store(true)
	}()
	if err := w.Run(ctx); err != nil {
		log.Fatal(err)
	}
}

// await prints text when met returns true.
func await(ctx context.Context, text string, met func() bool) {
	for !met() {
		if ctx.Err() != nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	fmt.Println(text)
}

// brokerConfig returns how to reach RabbitMQ or, if AMQP_URL is not set, a broker in memory.
func brokerConfig() broker.Config {
	if url := os.Getenv("AMQP_URL"); url != "" {
		return broker.Config{URL: url}
	}
	dev := devbroker.New() // prints that it is in use
	return broker.Config{URL: dev.URL(), Dial: dev.DialContext}
}
