// Command triage groups dead letters by cause, and corrects, replays or discards them.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/deadletter"
	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/worker"
)

var (
	settled = make(chan struct{}, 100)
	fixed   atomic.Bool // whether the mail server works again
)

func send(_ context.Context, address string) error {
	switch {
	case !strings.Contains(address, "@"):
		return retry.Permanent(errors.New("the address has no @"))
	case !fixed.Load():
		return retry.Permanent(errors.New("the mail server refuses us"))
	}
	return nil
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	at := brokerConfig()
	w := worker.New(worker.Config{Broker: at, Logger: slog.New(slog.DiscardHandler)})
	w.Watch(func(e worker.Event) {
		if e, ok := e.(worker.Settled); ok {
			fmt.Printf("mail to %s: %s\n", e.Message.Body, e.Outcome.Verdict)
			settled <- struct{}{}
		}
	})
	w.Queue(worker.Queue{Name: "triage-mails"}).Handle("#", handler.Typed(send))
	go func() {
		defer stop() // cancels ctx, so that Run drains and returns
		<-w.Ready()
		if err := triage(ctx, w.Publisher(""), deadletter.New(at), "triage-mails.dlq"); err != nil {
			fmt.Println(err)
		}
	}()
	if err := w.Run(ctx); err != nil {
		fmt.Println(err)
	}
}

func triage(ctx context.Context, pub *broker.Publisher, client *deadletter.Client, dead string) error {
	for _, address := range []string{"ada@example.com", "bob@example.com", "eve.example.com", "nobody"} {
		if err := pub.Publish(ctx, "triage-mails", address, broker.WithMessageID(address)); err != nil {
			return err
		}
		<-settled
	}
	groups, looked := client.Groups(ctx, dead, deadletter.Filter{})
	for _, g := range groups {
		fmt.Printf("%d × %s\n", g.Count, g.Error)
	}
	fixed.Store(true)
	_, edited := client.Edit(ctx, dead, "eve.example.com", deadletter.Edit{Body: []byte(`"eve@example.com"`)})
	replay, replayed := client.Replay(ctx, dead, deadletter.Replay{Filter: deadletter.Filter{Error: "refuses"}})
	discard, discarded := client.Discard(ctx, dead, deadletter.Filter{}, nil)
	fmt.Printf("1 corrected, %d replayed, %d discarded\n", replay.Done, discard.Done)
	for range 1 + replay.Done {
		<-settled
	}
	return errors.Join(looked, edited, replayed, discarded)
}

// brokerConfig returns how to reach RabbitMQ or, if AMQP_URL is not set, a broker in memory.
func brokerConfig() broker.Config {
	if url := os.Getenv("AMQP_URL"); url != "" {
		return broker.Config{URL: url}
	}
	dev := devbroker.New() // a broker in memory, which ends with the process
	return broker.Config{URL: dev.URL(), Dial: dev.DialContext}
}
