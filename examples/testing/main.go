// Command testing runs a worker. Its handler and retries are tested in main_internal_test.go.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/worker"
)

const queue = "testing-mails"

// send sends a mail. The mail server is busy at the first attempt.
func send(ctx context.Context, address string) error {
	switch {
	case !strings.Contains(address, "@"):
		return retry.Permanent(errors.New("the address has no @"))
	case message.FromContext(ctx).Attempt == 1:
		return errors.New("the mail server is busy")
	}
	fmt.Println("sent to", address)
	return nil
}

// newWorker returns the worker, which retries after one second.
func newWorker(at broker.Config) *worker.Worker {
	w := worker.New(worker.Config{Broker: at})
	policy := retry.Policy{InitialInterval: time.Second, RandomizationFactor: -1}
	w.Queue(worker.Queue{Name: queue, Retry: policy}).Handle("#", handler.Typed(send))
	return w
}

func main() {
	slog.SetLogLoggerLevel(slog.LevelError + 1)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	w, settled := newWorker(brokerConfig()), make(chan struct{}, 100)
	w.Watch(func(e worker.Event) {
		if e, ok := e.(worker.Settled); ok {
			fmt.Printf("attempt %d: %s\n", e.Message.Attempt, e.Outcome.Verdict)
			settled <- struct{}{}
		}
	})
	go func() {
		defer stop() // cancels ctx, so that Run drains and returns
		<-w.Ready()
		if err := w.Publisher("").Publish(ctx, queue, "ada@example.com"); err != nil {
			log.Println(err)
			return
		}
		<-settled
		<-settled
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
