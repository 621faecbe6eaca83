package worker

import (
	"context"
	"errors"
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
	for failures := 0; ctx.Err() == nil; {
		paused, concurrency := q.wanted()
		if paused {
			q.setState(StatePaused, nil)
			q.await(ctx, nil)
			continue
		}
		c, err := q.open(ctx, concurrency)
		if err != nil {
			failures++
			q.setState(StateIdle, err)
			q.pause(ctx, failures)
			continue
		}
		failures = 0
		q.staff(concurrency)
		q.install(c)
		q.setState(StateConsuming, nil)
		q.await(ctx, c)
		q.retire(hard, c, &retiring)
	}
	q.setState(StateDraining, nil)
	retiring.Wait()
	q.dismiss()
}

// await returns when the consumer has ended, a control was used, or ctx is done.
func (q *Subscription) await(ctx context.Context, c *broker.Consumer) {
	var ended <-chan struct{}
	if c != nil {
		ended = c.Done()
	}
	select {
	case <-ended:
		q.setState(StateIdle, c.Err())
	case <-q.changed:
	case <-ctx.Done():
	}
}

// retire closes c, beside the next consumer: handlers in hand settle on c still.
// Lanes wait for that, since a change of their number would break the order.
func (q *Subscription) retire(hard context.Context, c *broker.Consumer, retiring *sync.WaitGroup) {
	closed := make(chan struct{})
	retiring.Go(func() {
		defer close(closed)
		if err := c.Close(hard); err != nil {
			q.worker.emit(ConsumerLost{Queue: q.config.Name, Err: err})
		}
	})
	if q.config.OrderBy != nil {
		<-closed
	}
}

// open declares what the queue needs and consumes from it.
func (q *Subscription) open(ctx context.Context, concurrency int) (*broker.Consumer, error) {
	session, err := q.worker.consuming.Session(ctx)
	if err != nil {
		return nil, err
	}
	release, err := q.worker.opening.acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	ctx, cancel := context.WithTimeout(ctx, declareTimeout)
	defer cancel()
	if err := q.worker.declareShared(ctx, session); err != nil {
		return nil, err
	}
	if err := session.Declare(ctx, q.topology()); err != nil {
		return nil, err
	}
	return session.Consume(ctx, broker.Consume{Queue: q.config.Name, Prefetch: q.config.prefetch(concurrency)})
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
		return nil, fmt.Errorf("worker: %w", errors.Join(context.Cause(ctx)))
	}
}
