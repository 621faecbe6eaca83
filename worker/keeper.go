package worker

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/retry"
)

// keep keeps the queue consuming until ctx is done: whatever ends a consumer, it
// opens the next. Then it drains: nothing more is received, what no handler has
// seen is released, and handlers in hand finish, until hard is done.
func (q *Subscription) keep(ctx, hard context.Context) {
	var retiring sync.WaitGroup
	q.receiving = ctx
	for failures := 0; ctx.Err() == nil; {
		paused, concurrency := q.wanted()
		if !paused && !q.renewLanes(ctx, concurrency) {
			continue
		}
		c, err := q.open(ctx, hard, concurrency)
		switch {
		case err != nil:
			failures++
			q.setState(StateIdle, err)
			q.pause(ctx, failures)
		case c == nil:
			failures = 0
			q.setState(StatePaused, nil)
			select {
			case <-q.changed:
			case <-ctx.Done():
			}
		default:
			failures = 0
			q.consume(ctx, hard, c, concurrency, &retiring)
		}
	}
	q.setState(StateDraining, nil)
	close(q.stopping) // no earlier: what a waiting handler releases must not come here again
	retiring.Wait()
	<-q.crew.dismiss()
}

// consume works with c until something ends that.
func (q *Subscription) consume(ctx, hard context.Context, c *broker.Consumer, concurrency int, retiring *sync.WaitGroup) {
	if paused, _ := q.wanted(); paused || ctx.Err() != nil { // meanwhile
		q.halt(hard, c)
		q.report(c.Close(hard))
		return
	}
	q.begin(c, concurrency)
	q.await(ctx, c, concurrency)
	q.retire(ctx, hard, c, retiring)
}

// begin hands c to the hands.
func (q *Subscription) begin(c *broker.Consumer, concurrency int) {
	q.staff(concurrency)
	if lanes := q.crew.lanes; lanes != nil {
		q.crew.sorting.Go(func() { q.sort(c, lanes) })
	}
	q.install(c)
	q.setState(StateConsuming, nil)
}

// await returns when the consumer has ended, the queue is to be paused or to have
// another concurrency, or ctx is done.
func (q *Subscription) await(ctx context.Context, c *broker.Consumer, concurrency int) {
	for {
		select {
		case <-c.Done():
			q.setState(StateIdle, c.Err())
			return
		case <-q.changed:
			if paused, wanted := q.wanted(); paused || wanted != concurrency {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// retire closes c, beside the next consumer: handlers in hand settle on c still. To
// change the concurrency, the hands first finish what c has: to give it back would
// cost each message a delivery. With lanes that comes before the next consumer. A single
// active consumer may only go with all it has: another would begin meanwhile.
func (q *Subscription) retire(ctx, hard context.Context, c *broker.Consumer, retiring *sync.WaitGroup) {
	rescaled := !q.config.SingleActive && q.finish(ctx, hard, c)
	if !rescaled {
		q.halt(hard, c)
	}
	closed := make(chan struct{})
	retiring.Go(func() {
		defer close(closed)
		q.report(c.Close(hard))
	})
	if rescaled && q.config.OrderBy != nil {
		q.empty(ctx, hard, c, closed)
	}
}

// finish waits until the hands, as many as are wanted now, have taken all that c was
// sent. It returns false if something else ends c: a pause, a loss, the stop.
func (q *Subscription) finish(ctx, hard context.Context, c *broker.Consumer) bool {
	for cancelled := false; ; cancelled = true {
		paused, concurrency := q.wanted()
		if paused || ctx.Err() != nil || c.Err() != nil {
			return false
		}
		if !cancelled {
			q.report(c.Cancel(hard))
		}
		if q.config.OrderBy == nil {
			q.staff(concurrency)
		}
		select {
		case <-c.Drained():
			return true
		case <-q.changed:
		case <-c.Done():
		case <-ctx.Done():
		}
	}
}

// empty waits until the hands have done what is in their lanes, and c is closed. A pause
// or the stop has what no hand has begun go back to the queue.
func (q *Subscription) empty(ctx, hard context.Context, c *broker.Consumer, closed <-chan struct{}) {
	for {
		select {
		case <-closed:
			return
		case <-q.changed:
			if paused, _ := q.wanted(); !paused {
				continue
			}
		case <-ctx.Done():
		}
		q.halt(hard, c)
		return
	}
}

// halt gives back what no hand has taken, together and so in order; at once, or with
// the end of a single active consumer.
func (q *Subscription) halt(hard context.Context, c *broker.Consumer) {
	c.StopReceiving()
	q.crew.sorting.Wait()
	waiting := q.crew.waiting() // first: a hand would begin it
	if q.config.SingleActive {
		c.Leave(waiting)
		return
	}
	untouched, err := c.Halt(hard)
	q.report(err)
	q.report(c.Release(hard, append(waiting, untouched...)))
}

func (q *Subscription) report(err error) {
	if err != nil {
		q.worker.emit(ConsumerLost{Queue: q.config.Name, Err: err})
	}
}

// open declares what the queue needs and consumes from it; not if it is paused, which
// returns nil: its publishers need it all the same.
func (q *Subscription) open(ctx, hard context.Context, concurrency int) (*broker.Consumer, error) {
	session, err := q.worker.connections.consuming.Session(ctx)
	if err != nil {
		return nil, err
	}
	release, err := q.worker.opening.acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	// What has begun is finished, even if the worker is told to stop meanwhile: the
	// session is that of handlers in hand, too.
	ctx, cancel := context.WithTimeout(hard, declareTimeout)
	defer cancel()
	if err := q.worker.declareShared(ctx, session); err != nil {
		return nil, err
	}
	if err := session.Declare(ctx, q.topology()); err != nil {
		return nil, err
	}
	if paused, _ := q.wanted(); paused {
		return nil, nil //nolint:nilnil // no consumer, and nothing wrong
	}
	return session.Consume(ctx, broker.Consume{Queue: q.config.Name, Prefetch: q.config.prefetch(concurrency), Context: q.inHand})
}

// pause spaces attempts to open, so that a queue that cannot be opened does not
// busy the broker.
func (q *Subscription) pause(ctx context.Context, failures int) {
	p := retry.Policy{InitialInterval: 100 * time.Millisecond, MaxInterval: 10 * time.Second}
	select {
	case <-time.After(p.Randomized(failures, rand.Float64())):
	case <-q.changed:
	case <-ctx.Done():
	}
}

// openers bounds how many queues are opened at once: a broker declares quorum
// queues no faster for being asked a thousand times together.
type openers chan struct{}

func (o openers) acquire(ctx context.Context) (release func(), err error) {
	select {
	case o <- struct{}{}:
		return func() { <-o }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("worker: %w", context.Cause(ctx))
	}
}
