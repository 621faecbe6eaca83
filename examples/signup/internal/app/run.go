package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/examples/signup/internal/live"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/topology"
)

// Run runs the roles until ctx is done or one of them fails. If l is not nil, Run serves h
// on it. When it stops, it first finishes the HTTP requests, and then drains the worker:
// no new deliveries, and the running handlers finish.
func (a *App) Run(ctx context.Context, l net.Listener, h http.Handler) error {
	working, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stop(nil)
	parts, failed := errgroup.WithContext(working)
	if len(a.subscriptions) > 0 {
		parts.Go(func() error { return a.worker.Run(failed) })
		parts.Go(func() error { return a.forget(failed) })
	}
	if has(a.roles, Service) || has(a.roles, Relay) {
		parts.Go(func() error { return a.publishEvents(failed) })
	}
	serving, end := context.WithCancel(ctx)
	defer end()
	defer context.AfterFunc(failed, end)()
	var err error
	if l != nil {
		err = serve(serving, l, live.Hosts(h, a.config.Site))
		end() // stop the other parts if serving failed
	}
	<-serving.Done()
	stop(context.Cause(ctx)) // the worker looks at the cause: a second signal cuts the drain short
	return errors.Join(err, parts.Wait())
}

// remembered is how long the dedupe store keeps a handled message. It must exceed the time
// after which a broker or an operator delivers a message again.
const remembered = 7 * 24 * time.Hour

// forget deletes old entries from the dedupe store every hour until ctx is done.
func (a *App) forget(ctx context.Context) error {
	for {
		if _, err := a.handled.Forget(ctx, remembered); err != nil && ctx.Err() == nil {
			a.config.Logger.Warn("app: deleting old dedupe entries failed, trying again in 1h", "error", err)
		}
		select {
		case <-time.After(time.Hour):
		case <-ctx.Done():
			return nil
		}
	}
}

// publishEvents declares every queue and then runs the relay of the outbox: an event that
// is published before a queue exists never reaches that queue.
func (a *App) publishEvents(ctx context.Context) error {
	if err := a.declare(ctx); err != nil || ctx.Err() != nil {
		return err
	}
	return a.relay.Run(ctx)
}

// declare declares the queues of all roles. It retries until the broker can be reached; the
// service answers requests meanwhile.
func (a *App) declare(ctx context.Context) error {
	t := declared(a.config)
	for {
		err := a.declareOnce(ctx, t)
		_, conflict := errors.AsType[*topology.ConflictError](err)
		if err == nil || conflict || errors.Is(err, broker.ErrRefused) {
			return err
		}
		a.config.Logger.Warn("app: declaring the queues failed, trying again in 1s", "error", err)
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return nil
		}
	}
}

func (a *App) declareOnce(ctx context.Context, t topology.Topology) error {
	session, err := amqp.Dial(ctx, amqp.Config(a.config.Broker), "declare")
	if err != nil {
		return err
	}
	return errors.Join(session.Declare(ctx, t), session.Close())
}

// maxHeader is the largest request header, in bytes. The headers of browsers are smaller.
const maxHeader = 16 << 10

// serve answers requests until ctx is done, and then finishes the running requests.
func serve(ctx context.Context, l net.Listener, h http.Handler) error {
	server := &http.Server{
		Handler: h, MaxHeaderBytes: maxHeader,
		ReadTimeout: 10 * time.Second, WriteTimeout: time.Minute, IdleTimeout: time.Minute,
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	select {
	case err := <-ended:
		return fmt.Errorf("app: serve: %w", err)
	case <-ctx.Done():
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		return errors.Join(server.Shutdown(last), ignoreClosed(<-ended))
	}
}

func ignoreClosed(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
