// Command bodies sends orders that are checked, compressed and sealed. One of them fails, and
// stays sealed as a dead letter.
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

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/codec"
	"github.com/warren-mq/warren/codec/jsonschema"
	"github.com/warren-mq/warren/codec/seal"
	"github.com/warren-mq/warren/codec/zstd"
	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/worker"
)

type order struct {
	Customer string `json:"customer"`
	Note     string `json:"note"`
}

func main() {
	slog.SetLogLoggerLevel(slog.LevelError + 1)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	schemas, err := jsonschema.Compile(map[string]string{"#": `{"properties":{"customer":{"minLength":1}}}`})
	ring, keyErr := seal.NewRing(seal.NewKey("2026")) // a service reads its keys by seal.ReadKeys
	if err := errors.Join(err, keyErr); err != nil {
		log.Fatal(err)
	}
	// The publisher and the worker use the same codec.
	bodies := codec.New(schemas.Codec(handler.JSON()), zstd.Encoding(codec.Limits{}), seal.Encoding(ring))

	w, settled := worker.New(worker.Config{Broker: brokerConfig()}), make(chan struct{}, 100)
	w.Watch(func(e worker.Event) {
		if e, ok := e.(worker.Settled); ok {
			id, _ := seal.KeyID(e.Message)
			fmt.Printf("%s, %d bytes sealed with key %s\n", e.Outcome.Verdict, len(e.Message.Body), id)
			settled <- struct{}{}
		}
	})
	w.Queue(worker.Queue{Name: "bodies-orders"}).Handle("#", handler.Typed(func(_ context.Context, o order) error {
		fmt.Printf("order of %s, %d bytes of notes\n", o.Customer, len(o.Note))
		if o.Customer == "Bob" {
			return retry.Permanent(errors.New("the card was declined"))
		}
		return nil
	}, handler.WithCodec(bodies)))

	go func() {
		defer stop() // cancels ctx, so that Run drains and returns
		<-w.Ready()
		pub := w.Publisher("")
		for _, o := range []order{{"Ada", strings.Repeat("gift ", 2000)}, {"Bob", ""}, {"", "no customer"}} {
			if err := pub.Publish(ctx, "bodies-orders", o, broker.WithCodec(bodies)); err != nil {
				fmt.Println("not published:", err)
				continue
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
