package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"strings"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/examples/signup/internal/app"
	"github.com/warren-mq/warren/examples/signup/internal/demo"
	"github.com/warren-mq/warren/examples/signup/internal/selftest"
	"github.com/warren-mq/warren/internal/amqp"
)

// ownPrefix begins the random prefix of a self-test that was started without -prefix.
const ownPrefix = "selftest-"

// selfTestTimeout bounds the whole self-test, which usually takes less than half of it.
const selfTestTimeout = time.Minute

// reach returns an error if the broker cannot be reached. The demo itself would wait for
// the broker.
func reach(ctx context.Context, url string) error {
	if url == "" {
		return nil
	}
	session, err := amqp.Dial(ctx, amqp.Config(broker.Config{URL: url}), "self-test")
	if err != nil {
		return err
	}
	return session.Close()
}

// runSelfTest runs the demo and prints each step of the self-test to stdout. Logs are
// discarded: failures are either part of the demo or returned as the error.
func runSelfTest(ctx context.Context, o options, stdout io.Writer) (err error) {
	start := time.Now()
	ctx, cancel := context.WithTimeoutCause(ctx, selfTestTimeout, fmt.Errorf("self-test not finished within %v", selfTestTimeout))
	defer cancel()
	if err := reach(ctx, o.broker); err != nil {
		return err
	}
	d, err := demo.New(ctx, o.demo(slog.New(slog.DiscardHandler)))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	o.printBroker(stdout)
	out := log.New(stdout, "", 0)
	running, stop := context.WithCancelCause(ctx)
	tested := make(chan error, 1)
	go func() {
		err := selftest.Run(running, d, out)
		tested <- err
		stop(nil)
	}()
	err = d.Run(running)
	stop(err)
	if e := <-tested; err == nil { // otherwise the self-test ended for the same reason
		err = e
	}
	if err != nil {
		return err
	}
	if o.broker != "" && strings.HasPrefix(o.prefix, ownPrefix) { // a RabbitMQ would keep the queues
		if err := app.Remove(ctx, broker.Config{URL: o.broker}, o.prefix); err != nil {
			return err
		}
	}
	out.Printf("ok  drained and stopped; the self-test took %v", time.Since(start).Round(100*time.Millisecond))
	return nil
}
