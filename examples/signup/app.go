package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/examples/signup/account"
	"github.com/warren-mq/warren/examples/signup/analytics"
	"github.com/warren-mq/warren/examples/signup/mailbox"
	"github.com/warren-mq/warren/examples/signup/web"
	"github.com/warren-mq/warren/worker"
)

// app is the service with its workers, in one process.
type app struct {
	options

	accounts  *account.Store
	mailbox   mailbox.Mailbox
	counter   analytics.Counter
	publisher *broker.Publisher
	worker    *worker.Worker
	handler   http.Handler

	ready     chan struct{} // closed when every queue is consumed
	readyOnce sync.Once
}

func newApp(o options, log *slog.Logger) *app {
	a := &app{options: o, accounts: account.NewStore(), ready: make(chan struct{})}
	a.publisher = broker.NewPublisher(o.broker(), o.prefix+"events")
	a.worker = worker.New(worker.Config{Broker: o.broker(), Grace: 10 * time.Second, Logger: log, OnEvent: a.observe})
	subscribe(a.worker, o.prefix, a.mailbox.Send, a.counter.Count)
	a.handler = web.New(a.accounts, a.publisher, log)
	return a
}

// observe notes in the account what became of each message about it.
func (a *app) observe(e worker.Event) {
	switch e := e.(type) {
	case worker.Settled:
		if e.SettleErr != nil {
			return // the broker delivers it again
		}
		step := account.Step{
			Queue: strings.TrimPrefix(e.Queue, a.prefix), Event: e.Message.RoutingKey,
			Attempt: e.Message.Attempt, Outcome: e.Outcome.Verdict.String(),
		}
		if e.Outcome.Err != nil {
			step.Error = e.Outcome.Err.Error()
		}
		a.accounts.Note(e.Message.CorrelationID, step)
	case worker.StateChanged, worker.SessionUp:
		if a.worker.Health().Ready {
			a.readyOnce.Do(func() { close(a.ready) })
		}
	}
}

// run serves until use returns, which gets the service's URL once everything is up.
// Its context ends with ctx, and when the server or the worker does. The end comes
// in order: no more requests, then no more messages, then no more publishing.
func (a *app) run(ctx context.Context, use func(ctx context.Context, url string) error) error {
	listener, err := net.Listen("tcp", a.listen)
	if err != nil {
		return err
	}
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	working, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	worked := make(chan error, 1)
	go func() {
		err := a.worker.Run(working)
		end(err)
		worked <- err
	}()
	select {
	case <-a.ready:
		err = serve(ctx, listener, a.handler, use)
	case <-ctx.Done():
		err = listener.Close()
	}
	stop(context.Cause(ctx)) // a second signal cuts the drain short: the worker looks at the cause
	return errors.Join(err, <-worked, a.publisher.Close())
}

// serve answers requests until use returns, and finishes those it has begun.
func serve(ctx context.Context, l net.Listener, h http.Handler, use func(context.Context, string) error) error {
	server := &http.Server{Handler: h, ReadTimeout: 10 * time.Second, WriteTimeout: 20 * time.Second, IdleTimeout: time.Minute}
	running, ctx := errgroup.WithContext(ctx)
	running.Go(func() error {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	running.Go(func() error {
		err := use(ctx, "http://"+l.Addr().String())
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		return errors.Join(err, server.Shutdown(last))
	})
	return running.Wait()
}
