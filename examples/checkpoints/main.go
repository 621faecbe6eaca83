// Command checkpoints runs the worker of config.yaml, which is written in Python, and stops it in the
// middle of a job, as a deployment does. The second runner continues with the next row. Run it from the
// root of the repository.
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
	defer stop()
	dir, err := os.MkdirTemp("", "checkpoints")
	report := filepath.Join(dir, "report") // the script adds a line for each row
	if err := errors.Join(err, os.Setenv("REPORT", report), setBroker()); err != nil {
		log.Fatal(err) //nolint:gocritic // the process ends
	}
	go publish(ctx)
	status := 0
	for _, d := range []struct {
		name string
		rows int
	}{{"first", 3}, {"second", 6}} {
		status = max(status, deploy(ctx, d.name, report, d.rows))
	}
	text, err := os.ReadFile(report)
	fmt.Print(string(text))
	if err := errors.Join(err, os.RemoveAll(dir)); err != nil {
		log.Println(err)
	}
	os.Exit(status)
}

// deploy runs a runner until the report has that many rows.
func deploy(ctx context.Context, name, report string, rows int) (status int) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if err := os.Setenv("RUNNER", name); err != nil {
		log.Println(err)
		return 1
	}
	go func() {
		for range time.Tick(20 * time.Millisecond) {
			text, _ := os.ReadFile(report)
			if ctx.Err() != nil || strings.Count(string(text), "\n") >= rows {
				break
			}
		}
		stop()
	}()
	return runner.Run(ctx, []string{"run", "-c", "examples/checkpoints/config.yaml"})
}

// publish publishes a job, once the runner has declared its queue.
func publish(ctx context.Context) {
	pub := broker.NewPublisher(broker.Config{URL: os.Getenv("AMQP_URL")}, "")
	job := map[string]any{"name": "people.csv", "rows": 6}
	err := pub.Publish(ctx, "checkpoints-imports", job)
	// RabbitMQ 3.10 also nacks messages to a queue that is being declared.
	for errors.Is(err, broker.ErrUnroutable) || errors.Is(err, broker.ErrNacked) {
		time.Sleep(50 * time.Millisecond)
		err = pub.Publish(ctx, "checkpoints-imports", job)
	}
	if err := errors.Join(err, pub.Close()); err != nil {
		log.Println(err)
	}
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
