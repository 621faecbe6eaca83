// Command scripts runs the workers of config.yaml, which are written in Python and Node,
// and publishes two orders to each queue. Run it from the root of the repository.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/runner"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	dir, err := os.MkdirTemp("", "scripts")
	report := filepath.Join(dir, "report") // each script adds a line for each order
	if err := errors.Join(err, os.Setenv("REPORT", report), setBroker()); err != nil {
		log.Fatal(err)
	}

	go func() {
		defer stop() // ends the runner
		if err := publish(ctx); err != nil {
			log.Println(err)
			return
		}
		var text []byte
		for range time.Tick(50 * time.Millisecond) {
			if text, _ = os.ReadFile(report); strings.Count(string(text), "\n") >= 8 {
				break
			}
		}
		fmt.Print(string(text))
	}()
	status := runner.Run(ctx, []string{"run", "-c", "examples/scripts/config.yaml"})
	if err := os.RemoveAll(dir); err != nil {
		log.Println(err)
	}
	os.Exit(status)
}

// publish publishes a good and a bad order to each queue, once the runner has declared it.
func publish(ctx context.Context) error {
	pub := broker.NewPublisher(broker.Config{URL: os.Getenv("AMQP_URL")}, "")
	for _, queue := range []string{"python-exec", "node-exec", "python-persistent", "node-persistent"} {
		for _, order := range []map[string]string{{"customer": "Ada"}, {}} {
			err := pub.Publish(ctx, "scripts-"+queue, order)
			// RabbitMQ 3.10 also nacks messages to a queue that is being declared.
			for errors.Is(err, broker.ErrUnroutable) || errors.Is(err, broker.ErrNacked) {
				time.Sleep(50 * time.Millisecond)
				err = pub.Publish(ctx, "scripts-"+queue, order)
			}
			if err != nil {
				return err
			}
		}
	}
	return pub.Close()
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
