// Command order handles the messages of one customer one after the other, and messages of
// different customers at the same time.
package main

import (
	"context"
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

type booking struct {
	Customer string        `json:"customer"`
	Step     string        `json:"step"`
	Takes    time.Duration `json:"takes"`
}

func main() {
	slog.SetLogLoggerLevel(slog.LevelError)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	w := worker.New(worker.Config{Broker: brokerConfig()})
	handled := make(chan struct{}, 100)

	q := w.Queue(worker.Queue{
		Name: "order-bookings", Exchange: "order", Concurrency: 8,
		OrderBy: func(m *message.Message) string { return m.Headers.String("customer") },
	})
	q.Handle("booking", handler.Typed(func(_ context.Context, b booking) error {
		time.Sleep(b.Takes) // stands for the work. Without OrderBy, later steps that are faster would overtake this one
		fmt.Printf("%s: %s\n", b.Customer, b.Step)
		handled <- struct{}{}
		return nil
	}))

	go func() {
		defer stop() // cancels ctx, so that Run drains and returns
		<-w.Ready()
		pub := w.Publisher("order")
		for i, step := range []string{"reserve", "pay", "confirm"} {
			for _, customer := range []string{"Ada", "Bob", "Eve"} {
				b := booking{customer, step, time.Duration(300-100*i) * time.Millisecond}
				if err := pub.Publish(ctx, "booking", b, broker.WithHeader("customer", customer)); err != nil {
					log.Println(err)
					return
				}
			}
		}
		for range 9 {
			<-handled
		}
	}()
	if err := w.Run(ctx); err != nil {
		log.Fatal(err)
	}
}

// brokerConfig returns how to reach RabbitMQ or, if AMQP_URL is not set, a broker in memory.
func brokerConfig() broker.Config {
	if url := os.Getenv("AMQP_URL"); url != "" {
		return broker.Config{URL: url}
	}
	dev := devbroker.New() // a broker in memory, which ends with the process
	return broker.Config{URL: dev.URL(), Dial: dev.DialContext}
}
