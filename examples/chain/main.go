// Command chain passes an order through three queues. Each handler emits the message for the next
// queue, which is published only if the handler succeeds.
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
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/worker"
)

type order struct {
	Number int `json:"number"`
}

func main() {
	slog.SetLogLoggerLevel(slog.LevelError)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	w := worker.New(worker.Config{Broker: brokerConfig()})
	pub := w.Publisher("chain")
	handle := func(queue, key string, f func(context.Context, order) error) {
		policy := retry.Policy{InitialInterval: 100 * time.Millisecond}
		w.Queue(worker.Queue{Name: queue, Exchange: "chain", Retry: policy}).Handle(key, handler.Typed(f))
	}

	handle("chain-payments", "order.placed", func(ctx context.Context, o order) error {
		if err := pub.Emit(ctx, "order.paid", o); err != nil {
			return err
		}
		if message.FromContext(ctx).Attempt == 1 {
			fmt.Printf("order %d: the bank is closed\n", o.Number)
			return errors.New("the bank is closed") // so the message is not published
		}
		fmt.Printf("order %d: paid\n", o.Number)
		return nil // now the message is published, and then the order acknowledged
	})
	handle("chain-shipping", "order.paid", func(ctx context.Context, o order) error {
		fmt.Printf("order %d: shipped\n", o.Number)
		return pub.Emit(ctx, "order.shipped", o)
	})
	handle("chain-mails", "order.shipped", func(_ context.Context, o order) error {
		fmt.Printf("order %d: mail sent\n", o.Number)
		stop() // cancels ctx, so that Run drains and returns
		return nil
	})

	go func() {
		<-w.Ready()
		if err := pub.Publish(ctx, "order.placed", order{Number: 7}); err != nil {
			log.Println(err)
			stop()
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
