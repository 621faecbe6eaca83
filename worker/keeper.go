package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/pace"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/topology"
)

// keep keeps the queue consuming until ctx is done: when a consumer ends, it opens the next
// one. Then it drains: it stops receiving, requeues the messages that no handler has begun,
// and waits for running handlers until hard is done.
func (q *Subscription) keep(ctx, hard context.Context) {
	k := &keeping{ctx: ctx, hard: hard, careful: true}
	q.receiving = ctx
	defer q.runPeriodic(hard)()
	for failures := 0; ctx.Err() == nil; {
		paused, concurrency := q.wanted()
		if !paused && !q.renewLanes(ctx, concurrency) {
			continue
		}
		c, err := q.open(k, paused, concurrency)
		switch {
		case err != nil:
			failures++
			k.declared = nil
			q.setState(StateIdle, err)
			q.refuse(err)
			pace.Until(ctx, q.changed, opening(), failures)
		case c == nil:
			failures = 0
			q.requeueAll(hard, q.pool.waiting())
			q.setState(StatePaused, nil)
			k.declared = nil // others may delete what is not consumed
			select {
			case <-q.changed:
			case <-ctx.Done():
			}
		default:
			failures = 0
			q.consume(k, c, concurrency)
		}
	}
	q.setState(StateDraining, nil)
	q.endHolds(hard)
	q.requeueAll(hard, q.pool.waiting())
	close(q.stopping) // no earlier: what a waiting handler releases must not come here again
	for _, closed := range k.retiring {
		<-closed
	}
	<-q.pool.end()
}

// runPeriodic asserts the topology, counts the queue and records its checkpoints now and then,
// until the returned function is called.
func (q *Subscription) runPeriodic(ctx context.Context) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	if q.whole == nil {
		all.Go(func() { q.assertAgain(ctx) })
		all.Go(func() { q.countAgain(ctx) })
	}
	if q.recordsStops() && !q.distributes() {
		all.Go(func() { q.recordAgain(ctx) })
	}
	return func() {
		cancel()
		all.Wait()
	}
}

// keeping is the state of keep.
type keeping struct {
	ctx, hard context.Context   // done when the queue is to stop, and when it must have stopped
	retiring  []<-chan struct{} // closed when a consumer is whose handlers are at work still
	declared  *amqp.Session     // where the queue was declared; nil once a consumer was lost
	careful   bool              // the next consumer gets one message at a time; see consume
}

// consume has the goroutines receive from c until c is to be replaced. Messages that were
// delivered several times without an outcome may crash the process, so they are handled one
// at a time: when a process dies, a quorum queue counts a delivery for each message that the
// process had. A careful consumer ends at the first other message, and one that is not
// careful when such a message arrives.
func (q *Subscription) consume(k *keeping, c *amqp.Consumer, concurrency int) {
	if paused, _ := q.wanted(); paused || k.ctx.Err() != nil { // meanwhile
		q.cancelAndRequeue(k.hard, c)
		q.recordStop(k.hard, c)
		q.report(c.Close(k.hard))
		return
	}
	q.begin(c, concurrency)
	cleared := c.Cleared()
	if !k.careful || q.prefetch(concurrency, true) == q.prefetch(concurrency, false) {
		cleared = nil
	}
	k.careful = q.await(k.ctx, c, concurrency, cleared)
	if c.Err() != nil {
		k.declared = nil
	}
	q.retire(k, c)
}

// suspect returns the delivery count from which a message may be the one that crashes the
// process; zero if the queue does not count, or counts retries too. It is also zero where the order matters: a
// quorum queue puts a requeued message behind those requeued before it, so messages that are
// fetched one at a time cannot be requeued in order. It is zero while retries wait in the
// worker, because each requeue of such a message counts as a delivery.
func (q *Subscription) suspect() int {
	_, concurrency := q.wanted()
	w := q.config.WorkQueue(nil)
	if q.config.native() || q.config.SingleActive || q.config.OrderBy != nil || concurrency == 1 || !w.CountsDeliveries() || q.holdsRetries() {
		return 0
	}
	return min(2, cmp.Or(q.config.DeliveryLimit, 2))
}

func (q *Subscription) prefetch(concurrency int, careful bool) int {
	if q.distributes() {
		return distributePrefetch
	}
	if careful && q.suspect() > 0 {
		return 1
	}
	return q.config.prefetch(concurrency)
}

// begin has the goroutines receive from c.
func (q *Subscription) begin(c *amqp.Consumer, concurrency int) {
	q.resize(concurrency)
	if lanes := q.pool.lanes; lanes != nil {
		q.pool.sorting.Go(func() { q.sort(c, lanes) })
	}
	q.kept.Store(0)
	q.install(c)
	q.setState(StateConsuming, nil)
}

// await returns when the consumer has ended, the queue is to be paused or to have another
// concurrency, a message has arrived that needs another prefetch, or ctx is done. It reports
// whether the next consumer must be careful.
func (q *Subscription) await(ctx context.Context, c *amqp.Consumer, concurrency int, cleared <-chan struct{}) (careful bool) {
	for {
		select {
		case <-c.Done():
			q.setState(StateIdle, c.Err())
			return true
		case <-q.changed:
			if paused, wanted := q.wanted(); paused || wanted != concurrency {
				return paused || cleared != nil
			}
		case <-cleared:
			return false
		case <-c.Suspected():
			return true
		case <-ctx.Done():
			return true
		}
	}
}

// retire closes c while the next consumer already works, since running handlers still settle
// on c. To change the concurrency or the prefetch, the goroutines first finish what c has
// received: requeueing would count a delivery for each message. New lanes are made after
// that. A single active consumer is closed together with all it has received, since another
// consumer would begin meanwhile. After a suspect all handlers finish.
func (q *Subscription) retire(k *keeping, c *amqp.Consumer) {
	finished := !q.config.SingleActive && q.finish(k, c)
	if finished {
		q.requeueAll(k.hard, q.takeHeld())
	} else {
		q.cancelAndRequeue(k.hard, c)
	}
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		ctx, cancel := q.closing(k.hard)
		defer cancel()
		q.recordStop(ctx, c)
		q.report(c.Close(ctx))
	}()
	k.retiring = append(slices.DeleteFunc(k.retiring, isClosed), closed)
	_, concurrency := q.wanted()
	switch {
	case isClosed(c.Suspected()):
		q.empty(k, c, k.retiring...)
	case finished && q.config.OrderBy != nil && concurrency != len(q.pool.lanes):
		q.empty(k, c, closed)
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// finish waits until the goroutines, as many as are wanted now, have taken all messages that
// c has received: a suspect and those behind it one at a time, when all other handlers have
// finished. It returns false if a pause, a loss or the stop ends c before.
func (q *Subscription) finish(k *keeping, c *amqp.Consumer) bool {
	suspected := c.Suspected()
	for cancelled := false; ; cancelled = true {
		paused, concurrency := q.wanted()
		if paused || k.ctx.Err() != nil || c.Err() != nil {
			return false
		}
		if !cancelled {
			q.report(c.Cancel(k.hard))
		}
		if q.config.OrderBy == nil {
			q.resize(concurrency)
		}
		select {
		case <-c.Drained():
			return true
		case <-q.changed:
		case <-suspected:
			q.empty(k, c, k.retiring...)
			q.requeueAll(k.hard, q.takeHeld()) // Alone waits for every message, also for those whose next attempt is far away
			c.Alone()
			suspected = nil
		case <-c.Done():
		case <-k.ctx.Done():
		}
	}
}

// empty waits until the consumers, including c, are closed, which is when the goroutines have
// finished all of their messages. At a pause or the stop it requeues what no goroutine has
// begun.
func (q *Subscription) empty(k *keeping, c *amqp.Consumer, closed ...<-chan struct{}) {
	for len(closed) > 0 {
		select {
		case <-closed[0]:
			closed = closed[1:]
			continue
		case <-q.changed:
			if paused, _ := q.wanted(); !paused {
				continue
			}
		case <-k.ctx.Done():
		}
		q.cancelAndRequeue(k.hard, c)
		return
	}
}

// cancelAndRequeue requeues the messages that no goroutine has taken and those that wait for their next
// attempt, all together so that the order is kept: at once, or when the channel of a single active
// consumer closes. The broker would deliver what is requeued before the cancel to the same consumer
// again.
func (q *Subscription) cancelAndRequeue(hard context.Context, c *amqp.Consumer) {
	c.Stop()
	q.pool.sorting.Wait()
	q.holds.lost()
	waiting := append(q.pool.waiting(), q.takeHeld()...) // first: a goroutine would begin it
	if q.config.SingleActive {
		c.Abandon(waiting)
		for _, d := range c.Left() {
			q.holds.requeued(d.Tag) // recordStop does the rest
		}
		return
	}
	untouched, err := c.Rest(hard)
	q.report(err)
	q.requeueAll(hard, append(waiting, untouched...))
}

func (q *Subscription) report(err error) {
	if err != nil {
		q.worker.emit(ConsumerLost{Queue: q.config.Name, Err: err})
	}
}

// open declares what the queue needs and consumes from it. If paused is true, open only declares
// it, for its publishers, and returns nil. The caller has made no lanes then.
func (q *Subscription) open(k *keeping, paused bool, concurrency int) (*amqp.Consumer, error) {
	session, err := q.worker.connections.consuming.Session(k.ctx)
	if err != nil {
		return nil, err
	}
	release, err := q.worker.opening.acquire(k.ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	// The declaration is completed even if the worker is told to stop meanwhile: to abandon it
	// could end the session, on which running handlers settle.
	ctx, cancel := context.WithTimeout(k.hard, declareTimeout)
	defer cancel()
	if q.isAbsent() {
		return nil, nil //nolint:nilnil // as below
	}
	if k.declared != session {
		if err := q.declare(ctx, session); err != nil {
			return nil, err
		}
		k.declared = session
	}
	if paused {
		return nil, nil //nolint:nilnil // no consumer, and nothing wrong
	}
	what := amqp.Consume{
		Queue: q.queueName(), As: q.sourceName(), Arguments: q.consumerArguments(session.BrokerVersion(), concurrency), Prefetch: q.prefetch(concurrency, k.careful), Suspect: q.suspect(), Stream: q.isStream(), Context: q.inHand,
	}
	if what.Stream {
		what.OnReceived = q.offsets.receiver()
	}
	began := time.Now()
	c, err := session.Consume(ctx, what)
	if err == nil {
		q.offsets.begin(began)
	}
	return c, err
}

// declareTimeout bounds the declaration of one queue's topology.
const declareTimeout = 30 * time.Second

func (q *Subscription) declare(ctx context.Context, session *amqp.Session) error {
	if err := q.worker.declareShared(ctx, session, math.MaxInt64); err != nil {
		return err
	}
	declared, verified := q.parts()
	if q.hasBegun() {
		declared = declared.Without(parkingQueues(q.workQueue())...)
	}
	if err := q.ensure(ctx, session, declared, verified); err != nil {
		return err
	}
	q.setTopologyErr(nil)
	return nil
}

// refuse ends the worker if the broker refuses to declare a queue that has never consumed.
// Later such a refusal concerns the queue alone.
func (q *Subscription) refuse(err error) {
	if _, refused := errors.AsType[*topology.DeclarationError](err); !refused || q.hasBegun() {
		return
	}
	select {
	case q.worker.refused <- fmt.Errorf("worker: queue %s: %w", q.config.Name, err):
	default:
	}
}

// hasBegun reports whether the queue has been consumed or paused once.
func (q *Subscription) hasBegun() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.began
}

// opening returns the pauses between attempts to open a queue.
func opening() retry.Policy {
	return retry.Policy{InitialInterval: 100 * time.Millisecond, MaxInterval: 5 * time.Second}
}

// openers bounds how many queues are opened at once, since a broker does not declare quorum
// queues faster when it is asked for all of them at once.
type openers chan struct{}

func (o openers) acquire(ctx context.Context) (release func(), err error) {
	select {
	case o <- struct{}{}:
		return func() { <-o }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("worker: %w", context.Cause(ctx))
	}
}
