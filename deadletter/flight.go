package deadletter

import (
	"context"
	"errors"
	"time"

	"github.com/warren-mq/warren/broker"
)

const (
	// maxUnsettled is the highest number of messages that are published and not yet settled.
	// A crash may duplicate that many.
	maxUnsettled = 128
	// grace is how long a cancelled call waits for the confirms of unconfirmed messages.
	grace = 3 * time.Second
)

// flight settles published messages in the order of publishing: one goroutine publishes,
// another waits for the confirms.
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

// newFlight returns a flight that stops waiting for confirms a grace period after ctx is done.
func newFlight(ctx context.Context) *flight {
	waiting, cancel := context.WithCancel(context.WithoutCancel(ctx))
	unwatch := context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })
	f := &flight{ctx: waiting, sent: make(chan sent, maxUnsettled-1), ended: make(chan struct{})}
	f.stop = func() { unwatch(); cancel() }
	go func() {
		defer close(f.ended)
		for s := range f.sent {
			s.settle(s.wait(f.ctx))
		}
	}()
	return f
}

// add blocks while maxUnsettled messages are unsettled.
func (f *flight) add(s sent) { f.sent <- s }

// wait blocks until every message is settled.
func (f *flight) wait() {
	close(f.sent)
	<-f.ended
	f.stop()
}

// concernsOneMessage reports whether an error concerns one message alone, so that the next message
// may succeed.
func concernsOneMessage(err error) bool {
	return errors.Is(err, broker.ErrUnroutable) || errors.Is(err, broker.ErrTooLarge) ||
		errors.Is(err, broker.ErrMalformed) || errors.Is(err, errNoWorkQueue) || errors.Is(err, errRefused)
}
