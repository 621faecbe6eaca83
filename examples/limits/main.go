// Command limits calls a provider at most 20 times a second, and stops calling it for a
// while after two failures.
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

	"github.com/sony/gobreaker/v2"
	"golang.org/x/time/rate"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/middleware"
	"github.com/warren-mq/warren/worker"
)

func main() {
	slog.SetLogLoggerLevel(slog.LevelError)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	w := worker.New(worker.Config{Broker: brokerConfig()})
	sent := make(chan struct{}, 100)

	q := w.Queue(worker.Queue{Name: "limits-mails", Exchange: "limits", Middleware: []handler.Middleware{
		middleware.RateLimit(rate.NewLimiter(20, 1)),
		middleware.Breaker(gobreaker.Settings{
			Timeout:       500 * time.Millisecond, // how long the breaker stays open
			ReadyToTrip:   func(c gobreaker.Counts) bool { return c.ConsecutiveFailures == 2 },
			OnStateChange: func(_ string, from, to gobreaker.State) { fmt.Printf("breaker: %s, was %s\n", to, from) },
		}),
	}})
	calls := 0 // the queue's concurrency is 1, so one handler runs at a time
	q.Handle("mail", handler.Typed(func(_ context.Context, address string) error {
		if calls++; calls <= 2 {
			fmt.Printf("mail to %s: the provider is down\n", address)
			return errors.New("the provider is down") // the mail is retried
		}
		fmt.Printf("mail to %s: sent\n", address)
		sent <- struct{}{}
		return nil
	}))

	go func() {
		defer stop() // cancels ctx, so that Run drains and returns
		<-w.Ready()
		pub := w.Publisher("limits")
		for _, address := range []string{"ada", "bob", "eve", "joe"} {
			if err := pub.Publish(ctx, "mail", address+"@example.com"); err != nil {
				log.Println(err)
				return
			}
		}
		for range 4 {
			<-sent
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
