// Command routing shows a direct exchange, which routes by the exact routing key, and a
// headers exchange, which routes by the headers of the message.
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

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/worker"
)

func main() {
	slog.SetLogLoggerLevel(slog.LevelError)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	w := worker.New(worker.Config{Broker: brokerConfig()})
	handled := make(chan struct{}, 100)

	receive := func(key string, q worker.Queue) {
		w.Queue(q).Handle(key, handler.Typed(func(_ context.Context, text string) error {
			fmt.Printf("%s received: %s\n", q.Name, text)
			handled <- struct{}{}
			return nil
		}))
	}
	receive("eu", worker.Queue{Name: "routing-eu", Exchange: "routing-regions", ExchangeKind: "direct"})
	receive("us", worker.Queue{Name: "routing-us", Exchange: "routing-regions", ExchangeKind: "direct"})
	receive("#", worker.Queue{
		Name: "routing-urgent-pdf", Exchange: "routing-documents", ExchangeKind: "headers",
		BindingArguments: message.Headers{"x-match": "all", "format": "pdf", "urgent": true},
	})

	go func() {
		defer stop() // cancels ctx, so that Run drains and returns
		<-w.Ready()
		regions, documents := w.Publisher("routing-regions"), w.Publisher("routing-documents")
		pdf, urgent := broker.WithHeader("format", "pdf"), broker.WithHeader("urgent", true)
		err := errors.Join(
			regions.Publish(ctx, "eu", "an order from Rome"),
			regions.Publish(ctx, "us", "an order from Boston"),
			documents.Publish(ctx, "", "a contract", pdf, urgent),
		)
		if err != nil {
			log.Println(err)
			return
		}
		for range 3 {
			<-handled
		}
		// No binding has only one of the two headers, and Publish returns an error.
		fmt.Println("a letter:", documents.Publish(ctx, "", "a letter", pdf))
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
