package deadletter

import (
	"context"
	"errors"
	"time"

	"github.com/warren-mq/warren/broker"
)

const (
	// underWay bounds what is published and not yet settled: what a crash doubles.
	underWay = 128
	// grace is for the confirms of what is under way when a work is cut short.
	grace = 3 * time.Second
)

// flight settles what was published, in the order it was: one goroutine publishes,
// another learns the fates.
type flight struct {
	ctx   context.Context
	sent  chan sent
	ended chan struct{}
	stop  func()
}

type sent struct {
	wait   func(context.Context) error
	settle func(error)
}

// newFlight returns a flight that is cut short a moment after ctx is done.
func newFlight(ctx context.Context) *flight {
	waiting, cancel := context.WithCancel(context.WithoutCancel(ctx))
	unwatch := context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })
	f := &flight{ctx: waiting, sent: make(chan sent, underWay-1), ended: make(chan struct{})}
	f.stop = func() { unwatch(); cancel() }
	go func() {
		defer close(f.ended)
		for s := range f.sent {
			s.settle(s.wait(f.ctx))
		}
	}()
	return f
}

// add waits while too much is under way.
func (f *flight) add(s sent) { f.sent <- s }

// land returns when everything is settled.
func (f *flight) land() {
	close(f.sent)
	<-f.ended
	f.stop()
}

// ofOne says whether an error concerns one message alone, so that the next may do
// better.
func ofOne(err error) bool {
	return errors.Is(err, broker.ErrUnroutable) || errors.Is(err, broker.ErrTooLarge) ||
		errors.Is(err, broker.ErrMalformed) || errors.Is(err, errNoWorkQueue) || errors.Is(err, errRefused)
}
