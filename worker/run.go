package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/warren-mq/warren/broker"
)

// ErrHandlerStuck says that a handler did not return when its context was
// cancelled after the grace. Its message goes back to the queue; its goroutine
// cannot be ended.
var ErrHandlerStuck = errors.New("worker: a handler did not return after the grace")

// ErrInterrupted says that a second signal cut the drain short.
var ErrInterrupted = errors.New("worker: interrupted while draining")

// abandonTimeout is how long a cancelled handler may take to return.
const abandonTimeout = 5 * time.Second

// run owns the connections, unless they are shared; they live until everything is
// drained.
func (w *Worker) run(ctx context.Context) error {
	starting, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	life, hangUp := context.WithCancel(context.WithoutCancel(ctx))
	var connections sync.WaitGroup
	defer connections.Wait()
	defer hangUp()
	if w.config.Connections == nil {
		connections.Go(func() {
			if err := w.connections.Run(life); err != nil {
				cancel(err)
			}
		})
	}
	if err := w.start(starting); err != nil {
		if errors.Is(err, broker.ErrClosed) { // because the other connection has ended: let it say why
			hangUp()
			connections.Wait()
		}
		switch cause := context.Cause(starting); {
		case ctx.Err() != nil:
			return nil // told to stop before it began
		case cause != nil:
			return cause
		}
		return err
	}
	return w.work(ctx)
}

// start waits for both connections and makes sure that nothing stands in the way:
// it declares nothing unless all of it can be declared. A session lost meanwhile is
// waited for again.
func (w *Worker) start(ctx context.Context) error {
	waiting := ctx
	if limit := cmp.Or(w.config.Broker.StartupTimeout, defaultStartup); limit > 0 {
		var cancel context.CancelFunc
		waiting, cancel = context.WithTimeout(ctx, 2*limit) // the connectors themselves give up after one
		defer cancel()
	}
	if _, err := w.connections.sender.Connector().Session(waiting); err != nil {
		return err
	}
	planning, cancel := context.WithTimeout(ctx, planTimeout)
	defer cancel()
	for {
		session, err := w.connections.consuming.Session(waiting)
		if err != nil {
			return err
		}
		changes, err := session.Plan(planning, w.Topology())
		if err == nil {
			return broker.Conflicts(changes)
		}
		if session.Err() == nil {
			return err
		}
	}
}

const (
	defaultStartup = 30 * time.Second // that of broker.Config
	planTimeout    = 5 * time.Minute  // for thousands of queues, or a broker that does not answer
)

// Topology is everything the worker declares: for a plan, or an export.
func (w *Worker) Topology() broker.Topology {
	t := broker.Ladder()
	for _, q := range w.queues {
		t = t.Merge(q.topology())
	}
	return t.Unique()
}

// work keeps the queues consuming until ctx is done, and drains them.
func (w *Worker) work(ctx context.Context) error {
	hard, force := context.WithCancel(context.Background())
	defer force()
	var keepers sync.WaitGroup
	receiving, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	for _, q := range w.queues {
		keepers.Go(func() { q.keep(receiving, hard) })
	}
	<-ctx.Done()
	interrupted, ignore := secondSignal(ctx)
	defer ignore()
	w.emit(Draining{Cause: context.Cause(ctx)})
	stop(context.Cause(ctx))
	drained := make(chan struct{})
	go func() {
		keepers.Wait()
		close(drained)
	}()
	err := w.drain(drained, interrupted, force)
	w.emit(Drained{Err: err})
	return err
}

// drain waits: for the grace, then for cancelled handlers, then no more.
func (w *Worker) drain(drained <-chan struct{}, interrupted <-chan os.Signal, force func()) error {
	select {
	case <-drained:
		return nil
	case <-interrupted:
		w.abandon(ErrInterrupted)
		force()
		return ErrInterrupted
	case <-time.After(w.config.Grace):
	}
	w.abandon(ErrGraceExpired)
	select {
	case <-drained:
		return nil
	case <-interrupted:
		force()
		return ErrInterrupted
	case <-time.After(abandonTimeout):
		force()
		return w.stuck()
	}
}

func (w *Worker) stuck() error {
	var queues []string
	for _, q := range w.queues {
		if q.busy.Load() > 0 {
			queues = append(queues, q.config.Name)
		}
	}
	return fmt.Errorf("%w: queue %s", ErrHandlerStuck, strings.Join(queues, ", "))
}

// secondSignal reports a further signal, if it was a signal that ended ctx:
// signal.NotifyContext swallows those after the first.
func secondSignal(ctx context.Context) (<-chan os.Signal, func()) {
	again := make(chan os.Signal, 1)
	cause := context.Cause(ctx)
	if cause == nil || !strings.HasSuffix(cause.Error(), "signal received") {
		return again, func() {}
	}
	signal.Notify(again, os.Interrupt, syscall.SIGTERM)
	return again, func() { signal.Stop(again) }
}
