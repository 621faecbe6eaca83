// Command idempotent charges each payment once, although its message arrives three times.
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
	"github.com/warren-mq/warren/dedupe"
	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/middleware"
	"github.com/warren-mq/warren/worker"
)

type payment struct {
	Cents int `json:"cents"`
}

func main() {
	slog.SetLogLoggerLevel(slog.LevelError)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	settled := make(chan struct{}, 100)
	w := worker.New(worker.Config{Broker: brokerConfig()})
	w.Watch(func(e worker.Event) {
		if e, ok := e.(worker.Settled); ok {
			fmt.Printf("message %s: %s\n", e.Message.ID, e.Outcome.Verdict)
			settled <- struct{}{}
		}
	})

	// Dedupe compares message IDs. This store keeps up to 10,000 IDs for an hour in this
	// process. Replicas need a shared store, such as a database.
	seen := dedupe.NewMemory(time.Hour, 10_000)
	q := w.Queue(worker.Queue{
		Name: "idempotent-payments", Exchange: "idempotent",
		Middleware: []handler.Middleware{middleware.Dedupe(seen)},
	})
	q.Handle("payment", handler.Typed(func(_ context.Context, p payment) error {
		fmt.Printf("charging %d cents\n", p.Cents)
		return nil
	}))

	go func() {
		defer stop() // cancels ctx, so that Run drains and returns
		<-w.Ready()
		pub := w.Publisher("idempotent")
		for _, id := range []string{"payment-1", "payment-1", "payment-2", "payment-1"} {
			body := payment{Cents: map[string]int{"payment-1": 500, "payment-2": 900}[id]}
			if err := pub.Publish(ctx, "payment", body, broker.WithMessageID(id)); err != nil {
				log.Println(err)
				return
			}
			<-settled
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
