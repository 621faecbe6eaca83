// Command delayed publishes reminders that reach their queue after a delay. The broker holds
// them meanwhile, so the publishing program may exit.
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
	"github.com/warren-mq/warren/worker"
)

type reminder struct {
	Text string    `json:"text"`
	Due  time.Time `json:"due"`
}

func main() {
	slog.SetLogLoggerLevel(slog.LevelError)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	w := worker.New(worker.Config{Broker: brokerConfig()})
	handled := make(chan struct{}, 100)

	q := w.Queue(worker.Queue{Name: "delayed-reminders", Exchange: "delayed"})
	q.Handle("reminder", handler.Typed(func(_ context.Context, r reminder) error {
		fmt.Printf("reminder: %s (early: %t)\n", r.Text, time.Now().Before(r.Due))
		handled <- struct{}{}
		return nil
	}))

	go func() {
		defer stop() // cancels ctx, so that Run drains and returns
		<-w.Ready()
		pub := w.Publisher("delayed")
		for _, r := range []struct {
			text  string
			delay time.Duration
		}{
			{"water the plants", 2 * time.Second}, {"tea is ready", time.Second}, {"fill the kettle", 0},
		} {
			fmt.Printf("publishing %q for %v from now\n", r.text, r.delay)
			body := reminder{Text: r.text, Due: time.Now().Add(r.delay)}
			if err := pub.Publish(ctx, "reminder", body, broker.WithDelay(r.delay)); err != nil {
				log.Println(err)
				return
			}
		}
		for range 3 {
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
