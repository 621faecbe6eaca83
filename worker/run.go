package worker

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/interrupt"
)

// ErrHandlerStuck is returned by Run if a handler has not returned 5 s after its context was
// cancelled at the end of the grace. Its message is requeued; its goroutine continues.
var ErrHandlerStuck = errors.New("worker: a handler did not return after the grace")

// ErrInterrupted is returned by Run if a second signal ended the drain.
var ErrInterrupted = errors.New("worker: interrupted while draining")

// errDrained is the cause of a drain by a command.
var errDrained = errors.New("worker: told to drain by a command")

const (
	abandonTimeout   = 5 * time.Second         // for cancelled handlers to return
	closeTimeout     = 5500 * time.Millisecond // for the consumers and the connections to close, half a second after their own bound
	interruptTimeout = time.Second             // for the same after a second signal
)

// run opens the connections, unless they are shared, and closes them after the drain.
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
	leave := w.join()
	drained, err := w.work(ctx, interrupted)
	leave()
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

// connect keeps the worker's own connections, if it has any, open until life is done. If they
// end before, it calls failed with the cause. It returns a channel that is closed when they
// are closed.
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

// work keeps the queues consuming until ctx is done, and drains them. It returns a channel
// that is closed when all goroutines of the queues have ended.
func (w *Worker) work(ctx context.Context, interrupted <-chan struct{}) (<-chan struct{}, error) {
	hard, force := context.WithCancel(context.Background())
	defer force()
	var keepers sync.WaitGroup
	receiving, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	for _, q := range w.queues {
		keepers.Go(func() { q.keep(receiving, hard) })
		for _, p := range q.partitions {
			keepers.Go(func() { p.keep(receiving, hard) })
		}
		if q.distributes() {
			keepers.Go(func() { q.group().Run(receiving) })
		}
	}
	for _, p := range w.parkings {
		keepers.Go(func() { p.keep(receiving, hard) })
	}
	var refused, told error
	select {
	case <-ctx.Done():
	case refused = <-w.refused:
	case <-w.drainNow:
		told = errDrained
	}
	cause := cmp.Or(refused, told, context.Cause(ctx))
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
