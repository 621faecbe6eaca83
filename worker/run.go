package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/interrupt"
	"github.com/warren-mq/warren/topology"
)

// ErrHandlerStuck says that a handler did not return when its context was
// cancelled after the grace. Its message goes back to the queue; its goroutine
// cannot be ended.
var ErrHandlerStuck = errors.New("worker: a handler did not return after the grace")

// ErrInterrupted says that a second signal cut the drain short.
var ErrInterrupted = errors.New("worker: interrupted while draining")

const (
	abandonTimeout   = 5 * time.Second // for cancelled handlers to return
	closeTimeout     = 6 * time.Second // for the consumers and the connections to close
	interruptTimeout = time.Second     // for the same after a second signal
)

// run owns the connections, unless they are shared; they live until everything is
// drained.
func (w *Worker) run(ctx context.Context) error {
	interrupted, ignore := interrupt.Second(ctx)
	defer ignore()
	starting, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	life, hangUp := context.WithCancel(context.WithoutCancel(ctx))
	defer hangUp()
	connected := w.connect(life, cancel)
	if err := w.start(starting); err != nil {
		hangUp()
		if errors.Is(err, broker.ErrClosed) { // because the other connection has ended: let it say why
			<-connected
		}
		switch cause := context.Cause(starting); {
		case ctx.Err() != nil:
			err = nil // told to stop before it began
		case cause != nil:
			err = cause
		}
		return finish(err, interrupted, connected)
	}
	drained, err := w.work(ctx, interrupted)
	if !errors.Is(err, ErrInterrupted) && !errors.Is(err, ErrHandlerStuck) {
		w.finishReports()
	}
	w.stopReporting()
	hangUp()
	if errors.Is(err, ErrHandlerStuck) {
		return finish(err, interrupted, connected)
	}
	return finish(err, interrupted, connected, drained)
}

// connect keeps the worker's own connections open until life is done, if it has any. If
// they end before, failed gets the cause. The channel it returns is closed when they are.
func (w *Worker) connect(life context.Context, failed context.CancelCauseFunc) <-chan struct{} {
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		if w.config.Connections != nil {
			return
		}
		if err := w.connections.Run(life); err != nil {
			failed(err)
		}
	}()
	return closed
}

// finish waits for the last goroutines, but not longer than Run may take. It returns err,
// or ErrInterrupted if a second signal comes meanwhile.
func finish(err error, interrupted <-chan struct{}, ended ...<-chan struct{}) error {
	limit := closeTimeout
	if errors.Is(err, ErrInterrupted) {
		limit, interrupted = interruptTimeout, nil
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for _, c := range ended {
		select {
		case <-c:
		case <-interrupted:
			return ErrInterrupted
		case <-timer.C:
			return err
		}
	}
	return err
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
		if len(w.Topology().Unusual().Exchanges) > 0 {
			return w.connections.consuming.Apart(planning, func(s *amqp.Session) error { return w.plan(planning, s) })
		}
		if err = w.plan(planning, session); err == nil || session.Err() == nil {
			return err
		}
	}
}

// plan says whether something conflicts. If nothing does, it declares what may be refused
// at the cost of the connection.
func (w *Worker) plan(ctx context.Context, s *amqp.Session) error {
	changes, err := s.Plan(ctx, w.Topology())
	if err != nil {
		return err
	}
	if err := topology.Conflicts(changes); err != nil {
		return err
	}
	if unusual := w.Topology().Unusual(); len(unusual.Exchanges) > 0 {
		return s.Declare(ctx, unusual)
	}
	return nil
}

const (
	defaultStartup = 30 * time.Second // that of broker.Config
	planTimeout    = 5 * time.Minute  // for thousands of queues, or a broker that does not answer
)

// Topology is everything the worker declares: for a plan, or an export.
func (w *Worker) Topology() topology.Topology {
	t := topology.Shared()
	for _, q := range w.queues {
		t = t.Merge(q.topology())
	}
	return t.Unique()
}

// work keeps the queues consuming until ctx is done, and drains them. It returns a channel
// that is closed when all goroutines of the queues have ended.
func (w *Worker) work(ctx context.Context, interrupted <-chan struct{}) (<-chan struct{}, error) {
	hard, force := context.WithCancel(context.Background())
	defer force()
	var keepers sync.WaitGroup
	receiving, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	for _, q := range w.queues {
		keepers.Go(func() { q.keep(receiving, hard) })
	}
	for _, p := range w.parkings {
		keepers.Go(func() { p.keep(receiving) })
	}
	var refused error
	select {
	case <-ctx.Done():
	case refused = <-w.refused:
	}
	cause := cmp.Or(refused, context.Cause(ctx))
	w.emit(Draining{Cause: cause})
	stop(cause)
	drained := make(chan struct{})
	go func() {
		keepers.Wait()
		close(drained)
	}()
	err := cmp.Or(w.drain(drained, interrupted), refused)
	w.emit(Drained{Err: err})
	return drained, err
}

// drain waits: for the grace, then for cancelled handlers, then no more.
func (w *Worker) drain(drained, interrupted <-chan struct{}) error {
	select {
	case <-drained:
		return nil
	case <-interrupted:
		w.abandon(ErrInterrupted)
		return ErrInterrupted
	case <-time.After(w.config.Grace):
	}
	w.abandon(ErrGraceExpired)
	select {
	case <-drained:
		return nil
	case <-interrupted:
		return ErrInterrupted
	case <-time.After(abandonTimeout):
		return w.stuck()
	}
}

// stuck names the queues whose handlers have not returned. It returns nil if there are
// none: then it is the broker that does not answer.
func (w *Worker) stuck() error {
	var queues []string
	for _, q := range w.queues {
		if q.busy.Load() > 0 {
			queues = append(queues, q.config.Name)
		}
	}
	if len(queues) == 0 {
		return nil
	}
	return fmt.Errorf("%w: queue %s", ErrHandlerStuck, strings.Join(queues, ", "))
}
