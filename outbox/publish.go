package outbox

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/amqp"
)

// grace is how long messages on the wire are waited for when the relay is stopped.
const grace = 5 * time.Second

// outcome is what became of a batch, as far as it is known and not marked yet.
type outcome struct {
	published []row
	failed    []failure
	open      map[int64]row // on the wire, by seq
	trouble   error         // why the rest was not tried
}

type failure struct {
	row   row
	err   error
	pause time.Duration
}

// publication is a batch being published.
type publication struct {
	relay *Relay
	batch batch
	stop  context.Context // no further message once this is done
	wire  context.Context // of those begun
	ended chan struct{}   // closed when the fate of all is known
	known chan struct{}   // has a value when the fate of one more is known

	mu      sync.Mutex
	closed  bool // no further message
	outcome outcome
}

// publish begins to publish as much of the batch as its lease and ctx allow: aggregates side
// by side, each in order and one message at a time, since what comes behind a message that
// is refused must wait. What is on the wire is waited for until the session ends, when
// another relay may have a connection, or until wire is done.
func (r *Relay) publish(ctx, wire context.Context, session *amqp.Session, b batch) *publication {
	wire, cut := context.WithCancel(wire)
	p := &publication{
		relay: r, batch: b, stop: ctx, wire: wire, ended: make(chan struct{}), known: make(chan struct{}, 1),
		outcome: outcome{open: make(map[int64]row)},
	}
	if !p.timely() {
		p.outcome.trouble = fmt.Errorf("outbox: the claim took more than two thirds of the lease of %v", r.config.Lease)
	}
	var groups sync.WaitGroup
	for _, group := range b.groups() {
		groups.Go(func() { p.publish(group) })
	}
	go func() {
		groups.Wait()
		close(p.ended)
	}()
	go func() {
		defer cut()
		select {
		case <-session.Done():
		case <-p.ended:
		}
	}()
	return p
}

// publish publishes the rows of an aggregate up to the first that fails.
func (p *publication) publish(group []row) {
	for _, one := range group {
		if !p.begin(one) {
			return
		}
		err := p.relay.send(p.wire, &one)
		p.end(one, err)
		if err != nil {
			return
		}
	}
}

// timely reports whether a third of the lease is left. This is the time in which a row that
// is begun now must have its lease renewed.
func (p *publication) timely() bool { return time.Until(p.batch.until) >= p.relay.third() }

// begin reports whether one may be published, and notes that it is on the wire then.
func (p *publication) begin(one row) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.stop.Err() != nil || p.outcome.trouble != nil || !p.timely() {
		return false
	}
	p.outcome.open[one.seq] = one
	return true
}

// end notes what became of a row. Trouble is no fault of the row's.
func (p *publication) end(one row, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	o := &p.outcome
	delete(o.open, one.seq)
	switch {
	case err == nil:
		o.published = append(o.published, one)
	case isTrouble(err):
		o.trouble = err
	default:
		o.failed = append(o.failed, failure{one, err, p.relay.config.Retry.Randomized(one.attempts+1, rand.Float64())})
	}
	select {
	case p.known <- struct{}{}:
	default:
	}
}

// wait returns when the fate of all is known, or after the given time.
func (p *publication) wait(atMost time.Duration) {
	select {
	case <-p.ended:
	case <-time.After(atMost):
	}
}

// settle marks what is known, and releases what is not on the wire: no row is begun any
// more. It returns the rows that are open still.
func (r *Relay) settle(ctx context.Context, p *publication) (open map[int64]row, err error) {
	p.mu.Lock()
	p.closed = true
	o := p.outcome
	o.open = maps.Clone(o.open)
	p.outcome.trouble = nil
	select {
	case <-p.known:
	default:
	}
	p.mu.Unlock()
	r.note(o.trouble)
	if err := r.mark(ctx, &p.batch, &o); err != nil {
		r.note(err)
		return o.open, err
	}
	p.mu.Lock()
	p.outcome.published = p.outcome.published[len(o.published):]
	p.outcome.failed = p.outcome.failed[len(o.failed):]
	p.mu.Unlock()
	r.report(&o)
	return o.open, nil
}

// settleLate settles p until no row of it is left to mark; err is the last error of settle.
// If ctx is done and the database is away, it returns without the marks.
func (r *Relay) settleLate(ctx context.Context, p *publication, err error) {
	for left := true; left; r.Wake() {
		if err == nil {
			select {
			case <-p.known:
			case <-p.ended:
			}
		}
		var open map[int64]row
		open, err = r.settle(ctx, p)
		left = len(open) > 0 && err == nil || err != nil && ctx.Err() == nil
	}
}

func (r *Relay) send(ctx context.Context, one *row) error {
	if one.unread != nil {
		return one.unread
	}
	ctx, end := r.traced(ctx, &one.message)
	err := r.sender.SendUntil(ctx, one.message.Exchange, one.message.RoutingKey, &one.message)
	end(err)
	return err
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
