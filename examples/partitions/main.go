// Command partitions runs three workers. They handle the messages of each customer in order while
// one of them stops. In production each worker is a process of its own.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/worker"
)

func main() {
	slog.SetLogLoggerLevel(slog.LevelError)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	b := brokerConfig()
	handled, ended := make(chan string, 100), make(chan error, 3)
	first, leave := context.WithCancel(ctx)
	workers := []*worker.Subscription{start(first, b, handled, ended), start(ctx, b, handled, ended), start(ctx, b, handled, ended)}
	await(ctx, workers, 2)
	pub := broker.NewPublisher(b, "partitions")
	for _, step := range []string{"reserve", "pay", "confirm", "travel"} {
		for _, customer := range []string{"Ada", "Bob", "Eve"} {
			if err := pub.Publish(ctx, "booking", step, broker.WithHeader("customer", customer)); err != nil && ctx.Err() == nil {
				log.Fatal(err)
			}
		}
		if step == "pay" {
			leave() // the first worker drains while messages are on their way
		}
	}
	for range 12 {
		select {
		case line := <-handled:
			fmt.Println(line)
		case <-ctx.Done():
		}
	}
	await(ctx, workers[1:], 3)
	stop()
	if err := errors.Join(<-ended, <-ended, <-ended, pub.Close()); err != nil {
		log.Fatal(err)
	}
}

// start runs a worker until ctx is done.
func start(ctx context.Context, b broker.Config, handled chan<- string, ended chan<- error) *worker.Subscription {
	w := worker.New(worker.Config{Broker: b})
	customer := func(m *message.Message) string { return m.Headers.String("customer") }
	q := w.Queue(worker.Queue{Name: "partitions-bookings", Exchange: "partitions", Partitions: 6, OrderBy: customer})
	q.Handle("booking", handler.Typed(func(ctx context.Context, step string) error {
		handled <- customer(message.FromContext(ctx)) + ": " + step
		return nil
	}))
	go func() { ended <- w.Run(ctx) }()
	return q
}

// await waits until each of the workers has its share of the partitions.
func await(ctx context.Context, workers []*worker.Subscription, share int) {
	for _, q := range workers {
		for len(q.Health().Partitions) != share && ctx.Err() == nil {
			time.Sleep(10 * time.Millisecond)
		}
	}
	fmt.Printf("%d workers have %d partitions each\n", len(workers), share)
}

// brokerConfig returns how to reach RabbitMQ or, if AMQP_URL is not set, a broker in memory.
func brokerConfig() broker.Config {
	if url := os.Getenv("AMQP_URL"); url != "" {
		return broker.Config{URL: url}
	}
	dev := devbroker.New() // a broker in memory, which ends with the process
	return broker.Config{URL: dev.URL(), Dial: dev.DialContext}
}
