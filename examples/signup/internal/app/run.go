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

// Run does what the roles say until ctx is done, or one of them cannot go on. If l is
// not nil, h is served there. The end comes in order: no more requests, then no more
// messages while handlers in hand finish.
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
		end() // if it could not serve
	}
	<-serving.Done()
	stop(context.Cause(ctx)) // the worker looks at the cause: a second signal cuts the drain short
	return errors.Join(err, parts.Wait())
}

// remembered is how long a message is known to be handled: longer than any broker or
// operator waits before it delivers one again.
const remembered = 7 * 24 * time.Hour

// forget forgets now and then what was handled long ago, until ctx is done.
func (a *App) forget(ctx context.Context) error {
	for {
		if _, err := a.handled.Forget(ctx, remembered); err != nil && ctx.Err() == nil {
			a.config.Logger.Warn("app: cannot forget what was handled long ago", "error", err)
		}
		select {
		case <-time.After(time.Hour):
		case <-ctx.Done():
			return nil
		}
	}
}

// publishEvents relays the outbox, once every queue is there: an event that comes
// before a queue never reaches it.
func (a *App) publishEvents(ctx context.Context) error {
	if err := a.declare(ctx); err != nil || ctx.Err() != nil {
		return err
	}
	return a.relay.Run(ctx)
}

// declare declares the queues of all roles. It waits for the broker as long as that
// takes, and the service answers meanwhile.
func (a *App) declare(ctx context.Context) error {
	t := declared(a.config)
	for {
		err := a.declareOnce(ctx, t)
		_, conflict := errors.AsType[*topology.ConflictError](err)
		if err == nil || conflict || errors.Is(err, broker.ErrRefused) {
			return err
		}
		a.config.Logger.Warn("app: the queues are not declared yet", "error", err)
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

// maxHeader is how large a request's header may be, in bytes; a browser's fits.
const maxHeader = 16 << 10

// serve answers requests until ctx is done, and finishes those it has begun.
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
