package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/topology"
)

const (
	assertHeartbeats = 3                // between two assertions of a queue's topology
	assertGap        = 5 * time.Second  // the least time between them
	sharedInterval   = 30 * time.Minute // between two of the shared topology, which is large
)

// assertAgain declares the queue's topology again about every third heartbeat, and at once
// when a message that concerns the queue was unroutable, until ctx is done. The broker does
// not report that someone has deleted an exchange or a binding.
func (q *Subscription) assertAgain(ctx context.Context) {
	interval := assertHeartbeats * q.worker.connections.consuming.Heartbeat()
	for failures := 0; ; {
		timer, sharedAge := time.NewTimer(assertPause(interval, failures)), sharedInterval
		select {
		case <-timer.C:
		case <-q.unrouted:
			sharedAge = assertGap
		case <-ctx.Done():
			timer.Stop()
			return
		}
		timer.Stop()
		failures++
		if err := q.assert(ctx, sharedAge); err == nil {
			failures = 0
		}
		select {
		case <-time.After(assertGap):
		case <-ctx.Done():
			return
		}
	}
}

// assertPause returns how long to wait before the next assertion. What the broker refuses
// is tried again sooner: someone may be about to allow it.
func assertPause(interval time.Duration, failures int) time.Duration {
	p := retry.Policy{InitialInterval: interval, Multiplier: 1}
	if failures > 0 {
		p = retry.Policy{InitialInterval: time.Second, Multiplier: 2, MaxInterval: interval}
	}
	return p.WithDefaults().Randomized(max(failures, 1), rand.Float64())
}

// assertSoon asks for an assertion; several requests become one.
func (q *Subscription) assertSoon() {
	select {
	case q.unrouted <- struct{}{}:
	default:
	}
}

// assert declares the queue's topology again, and what all queues share if that was last
// done longer than sharedAge ago. It does nothing while the keeper has yet to declare them.
// The error is what the broker refuses; a lost session is no refusal.
func (q *Subscription) assert(ctx context.Context, sharedAge time.Duration) error {
	session, _ := q.worker.connections.consuming.Current()
	if state := q.Health().State; session == nil || state == StateStarting || state == StateIdle || q.isAbsent() {
		return nil
	}
	release, err := q.worker.opening.acquire(ctx)
	if err != nil {
		return err
	}
	defer release()
	bounded, cancel := context.WithTimeout(ctx, declareTimeout)
	defer cancel()
	err = q.declareAgain(bounded, session, sharedAge)
	if session.Err() != nil || ctx.Err() != nil {
		return nil
	}
	q.setTopologyErr(err)
	return err
}

// declareAgain declares as much of the queue's topology as the broker allows. An exchange
// that the user may not declare is someone else's: the queue is bound to it all the same. An
// exchange of the same name but with other properties is left alone.
func (q *Subscription) declareAgain(ctx context.Context, s *amqp.Session, sharedAge time.Duration) error {
	connections := q.worker.connections
	shared := q.worker.declareShared(ctx, s, sharedAge)
	t, _ := q.parts()
	t = t.Without(parkingQueues(q.workQueue())...)
	if len(t.Exchanges)+len(t.Queues)+len(t.Bindings) == 0 {
		return shared
	}
	err := connections.consuming.Assert(ctx, s, t)
	conflict, refusal := refusedExchange(err)
	if conflict {
		t.Bindings = slices.DeleteFunc(t.Bindings, func(b topology.Binding) bool { return b.Exchange == q.config.Exchange })
	}
	if conflict || refusal {
		t.Exchanges = nil
		err = errors.Join(err, s.Declare(ctx, t))
	}
	return errors.Join(shared, err)
}

// refusedExchange reports whether err is about an exchange: one that exists with other
// properties, or one that the broker refuses to declare.
func refusedExchange(err error) (conflict, refusal bool) {
	c, conflict := errors.AsType[*topology.ConflictError](err)
	r, refusal := errors.AsType[*topology.DeclarationError](err)
	return conflict && c.Kind == "exchange", refusal && r.Kind == "exchange"
}

// setTopologyErr notes the result of a declaration, and emits an event if it has changed.
func (q *Subscription) setTopologyErr(err error) {
	q.mu.Lock()
	before := q.topologyErr
	q.topologyErr = err
	q.mu.Unlock()
	if fmt.Sprint(before) != fmt.Sprint(err) {
		q.worker.emit(TopologyChanged{Queue: q.config.Name, Err: err})
	}
}

// unroutable asks for an assertion of the queues that a message should have reached. What
// no handler takes is unroutable on purpose.
func (w *Worker) unroutable(exchange, key string) {
	for _, q := range w.queues {
		if q.expects(exchange, key) {
			q.assertSoon()
		}
	}
}

func (q *Subscription) expects(exchange, key string) bool {
	if exchange != q.config.Exchange {
		return exchange == "" && key == q.config.Name || slices.Contains(q.workQueue().Exchanges(), exchange)
	}
	switch cmp.Or(q.config.ExchangeKind, "topic") {
	case "topic", "direct":
		_, _, ok := q.mux.Match(key)
		return ok
	}
	return true // the key says too little
}
