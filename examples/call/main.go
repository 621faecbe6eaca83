// Command call asks a worker for prices and waits for each reply: request–reply over RabbitMQ's
// direct reply-to.
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
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

type question struct {
	Article string `json:"article"`
}

type price struct {
	Cents int `json:"cents"`
}

var prices = map[string]int{"tea": 350, "coffee": 499}

// findPrice is an ordinary function: what it returns is the reply.
func findPrice(ctx context.Context, q question) (price, error) {
	if q.Article == "truffles" { // takes longer than its caller waits
		<-ctx.Done()
		return price{}, context.Cause(ctx)
	}
	cents, ok := prices[q.Article]
	if !ok {
		return price{}, retry.Permanent(fmt.Errorf("no article %q", q.Article))
	}
	return price{cents}, nil
}

func main() {
	slog.SetLogLoggerLevel(slog.LevelError + 1)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	w := worker.New(worker.Config{Broker: brokerConfig()})
	w.Queue(worker.Queue{
		Name: "call-prices", Exchange: "call-shop", Concurrency: 8,
		DeadLetters: topology.DeadLetters{Discard: true}, // each caller gets the error
	}).Handle("price.asked", handler.Replies(findPrice))

	go func() {
		defer stop() // cancels ctx, so that Run drains and returns
		<-w.Ready()
		shop := w.Publisher("call-shop") // or broker.NewPublisher, in another process
		for _, article := range []string{"tea", "coffee", "gold", "truffles"} {
			ask(ctx, shop, article)
		}
	}()
	if err := w.Run(ctx); err != nil {
		log.Fatal(err)
	}
}

func ask(ctx context.Context, shop *broker.Publisher, article string) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	found, err := broker.Call[price](ctx, shop, "price.asked", question{article})
	switch remote, failed := errors.AsType[*broker.RemoteError](err); {
	case failed:
		fmt.Printf("%s: %s (%s)\n", article, remote.Message, remote.Reason)
	case errors.Is(err, context.DeadlineExceeded):
		fmt.Printf("%s: no reply in time\n", article)
	case err != nil:
		fmt.Printf("%s: %v\n", article, err)
	default:
		fmt.Printf("%s: %d cents\n", article, found.Cents)
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
