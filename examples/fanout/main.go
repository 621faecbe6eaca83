// Command fanout publishes each order once, and three teams each receive a copy.
package main

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/worker"
)

type order struct {
	Number int `json:"number"`
}

func main() {
	slog.SetLogLoggerLevel(slog.LevelError)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	w := worker.New(worker.Config{Broker: brokerConfig()})
	handled := make(chan struct{}, 100)

	// Each queue that is bound to a fanout exchange gets a copy, whatever the routing key.
	for _, team := range []string{"billing", "shipping", "search"} {
		q := w.Queue(worker.Queue{Name: "fanout-" + team, Exchange: "fanout-orders", ExchangeKind: "fanout"})
		q.Handle("#", handler.Typed(func(_ context.Context, o order) error {
			fmt.Printf("%s received order %d\n", team, o.Number)
			handled <- struct{}{}
			return nil
		}))
	}

	go func() {
		defer stop() // cancels ctx, so that Run drains and returns
		<-w.Ready()  // the queues are declared
		orders := w.Publisher("fanout-orders")
		for n := 1; n <= 2; n++ {
			if err := orders.Publish(ctx, "", order{Number: n}); err != nil {
				log.Println(err)
				return
			}
		}
		for range 6 { // two orders, three teams
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
