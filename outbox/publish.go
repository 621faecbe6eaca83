package outbox

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/warren-mq/warren/broker"
)

// grace is how long messages on the wire are waited for when the relay is stopped.
const grace = 5 * time.Second

// outcome is what became of a batch.
type outcome struct {
	mu        sync.Mutex
	published []row
	failed    []failure
	trouble   error // why the rest was not tried
}

type failure struct {
	row   row
	err   error
	pause time.Duration
}

// publish publishes as much of the batch as its lease and ctx allow: aggregates side by
// side, each in order and one message at a time, since what comes behind a message that
// is refused must wait.
func (r *Relay) publish(ctx context.Context, b *batch) *outcome {
	hand, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })()
	p := publication{relay: r, batch: b, stop: ctx, hand: hand}
	var hands sync.WaitGroup
	for _, group := range b.groups() {
		hands.Go(func() { p.publish(group) })
	}
	hands.Wait()
	return &p.outcome
}

// publication is a batch being published.
type publication struct {
	relay   *Relay
	batch   *batch
	stop    context.Context // no further message once this is done
	hand    context.Context // of those begun
	outcome outcome
}

// publish publishes the rows of an aggregate up to the first that fails. None is begun
// if it could take longer than the lease lasts, another third being for the marks.
func (p *publication) publish(group []row) {
	limit := p.relay.config.Lease / 3
	for _, one := range group {
		if p.stop.Err() != nil || time.Until(p.batch.until) < 2*limit || p.outcome.interrupted() {
			return
		}
		sending, cancel := context.WithTimeout(p.hand, limit)
		err := p.relay.send(sending, &one)
		cancel()
		pause := p.relay.config.Retry.Randomized(one.attempts+1, rand.Float64())
		p.outcome.note(failure{one, err, pause}, isTrouble(err))
		if err != nil {
			return
		}
	}
}

func (r *Relay) send(ctx context.Context, one *row) error {
	if one.unread != nil {
		return one.unread
	}
	ctx, end := r.traced(ctx, &one.message)
	err := r.sender.Send(ctx, one.message.Exchange, one.message.RoutingKey, &one.message)
	end(err)
	return err
}

func (o *outcome) interrupted() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.trouble != nil
}

// note writes down what became of a row. Trouble is no fault of the row's.
func (o *outcome) note(f failure, trouble bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case f.err == nil:
		o.published = append(o.published, f.row)
	case trouble:
		o.trouble = f.err
	default:
		o.failed = append(o.failed, f)
	}
}

// isTrouble says that the message is not to blame.
func isTrouble(err error) bool {
	for _, known := range []error{
		broker.ErrNotConnected, broker.ErrBlocked, broker.ErrClosed, context.Canceled,
	} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}
