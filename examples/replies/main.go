// Command replies runs the worker of config.yaml, which is written in Python, and calls it. Run it
// from the root of the repository.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/runner"
)

type question struct {
	Article string `json:"article"`
}

type price struct {
	Cents int `json:"cents"`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	if err := setBroker(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	go func() {
		defer stop() // ends the runner
		pub := broker.NewPublisher(broker.Config{URL: os.Getenv("AMQP_URL")}, "")
		for _, article := range []string{"tea", "coffee", "gold"} {
			fmt.Println(article+":", ask(ctx, pub, article))
		}
		if err := pub.Close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}()
	os.Exit(runner.Run(ctx, []string{"run", "-c", "examples/replies/config.yaml"}))
}

// ask calls the worker, once the runner has declared its queue.
func ask(ctx context.Context, pub *broker.Publisher, article string) string {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	found, err := broker.Call[price](ctx, pub, "replies-prices", question{article})
	// RabbitMQ 3.10 also nacks messages to a queue that is being declared.
	for errors.Is(err, broker.ErrUnroutable) || errors.Is(err, broker.ErrNacked) {
		time.Sleep(50 * time.Millisecond)
		found, err = broker.Call[price](ctx, pub, "replies-prices", question{article})
	}
	if remote, failed := errors.AsType[*broker.RemoteError](err); failed {
		return fmt.Sprintf("%s (%s)", remote.Message, remote.Reason)
	}
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%d cents", found.Cents)
}

// setBroker sets AMQP_URL to a broker in memory, unless it is set already. The broker listens
// on a TCP port, since the runner connects to it over TCP.
func setBroker() error {
	if os.Getenv("AMQP_URL") != "" {
		return nil
	}
	fmt.Fprintln(os.Stderr, "using a broker in memory, because AMQP_URL is not set")
	dev, err := devbroker.Start(devbroker.Config{})
	if err != nil {
		return err
	}
	return os.Setenv("AMQP_URL", dev.URL())
}
