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

// ownPrefix begins the names of a self-test that was given none.
const ownPrefix = "selftest-"

// selfTestTimeout bounds the whole story, which takes less than half of it.
const selfTestTimeout = time.Minute

// reach says what is wrong with a broker that cannot be reached: the demo would wait.
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

// runSelfTest runs everything and tells the story to stdout. Nothing is logged: what
// goes wrong is on purpose, or is the error.
func runSelfTest(ctx context.Context, o options, stdout io.Writer) (err error) {
	start := time.Now()
	ctx, cancel := context.WithTimeoutCause(ctx, selfTestTimeout, fmt.Errorf("not over within %v", selfTestTimeout))
	defer cancel()
	if err := reach(ctx, o.broker); err != nil {
		return err
	}
	d, err := demo.New(ctx, o.demo(slog.New(slog.DiscardHandler)))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	o.sayBroker(stdout)
	out := log.New(stdout, "", 0)
	running, stop := context.WithCancelCause(ctx)
	told := make(chan error, 1)
	go func() {
		err := selftest.Run(running, d, out)
		told <- err
		stop(nil)
	}()
	err = d.Run(running)
	stop(err)
	if e := <-told; err == nil { // or the story ended for the same reason
		err = e
	}
	if err != nil {
		return err
	}
	if o.broker != "" && strings.HasPrefix(o.prefix, ownPrefix) { // a RabbitMQ would keep them
		if err := app.Remove(ctx, broker.Config{URL: o.broker}, o.prefix); err != nil {
			return err
		}
	}
	out.Printf("ok  drained and stopped; all of it took %v", time.Since(start).Round(100*time.Millisecond))
	return nil
}
