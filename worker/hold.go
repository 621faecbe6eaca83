package worker

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
)

// holds are the messages of a queue that wait in the worker, unacknowledged, for their next
// attempt. Each of them has one of the prefetched messages' places.
type holds struct {
	mu      sync.Mutex
	ended   bool // nothing more is held: the worker stops
	waiting map[*held]struct{}
	opened  map[amqp.Tag]opened // deliveries that were held and are not settled
	known   map[uint64]known    // by identity: messages that were requeued after they had waited

	cause error     // why retries are held, if that is not configured
	retry time.Time // when to try the parking queue again

	remembered atomic.Int64 // the length of known
	count      atomic.Int64 // the length of opened
}

// held is a message that waits.
type held struct {
	delivery  amqp.Delivery
	due, wake time.Time     // when to handle it, and when to handle or requeue it
	taken     chan struct{} // closed when it waits no longer
}

// opened is what the worker keeps of a delivery that is or was held until it is settled.
type opened struct {
	at       time.Time // when it was held for the first time
	identity uint64
	known    known
}

// known is what the worker remembers of a message that it has requeued.
type known struct {
	record  message.Headers // the failure record, which says how many attempts were made
	attempt int             // the next one
	due     time.Time
}

const (
	// holdLimit is the longest time for which a message is unacknowledged before it is
	// requeued, and the longest delay of an attempt. Handlers need the rest of the broker's
	// consumer timeout, which is 30 minutes.
	holdLimit = 20 * time.Minute
	// holdMinimum is how long a message may be held however long its handler may run.
	holdMinimum = time.Minute
	// maxKnown bounds how many requeued messages are remembered.
	maxKnown = 10_000
	// parkAgain is the time between two attempts to use a parking queue.
	parkAgain = time.Minute
)

// errUnparked says that the parking queue takes no copy, so that the retry waits in the worker.
var errUnparked = errors.New("worker: the parking queue takes no message")

// holdsRetries reports whether retries wait in the worker.
func (q *Subscription) holdsRetries() bool {
	if q.config.HoldRetries || q.parking == nil || q.parking.absent() != nil {
		return true
	}
	q.holds.mu.Lock()
	defer q.holds.mu.Unlock()
	return q.holds.cause != nil && time.Now().Before(q.holds.retry)
}

// cannotPark reports whether err says that the user may not publish to the parking queue, or
// that it does not exist and the worker does not declare it. Retries then wait in the worker,
// for parkAgain at least.
func (q *Subscription) cannotPark(err error) bool {
	missing := errors.Is(err, broker.ErrUnroutable) && !q.worker.mode().Manages()
	if !missing && !errors.Is(err, broker.ErrRefused) {
		return false
	}
	q.holds.mu.Lock()
	defer q.holds.mu.Unlock()
	q.holds.cause, q.holds.retry = err, time.Now().Add(parkAgain)
	return true
}

// parked notes that the parking queue took a copy.
func (q *Subscription) parked() {
	q.holds.mu.Lock()
	defer q.holds.mu.Unlock()
	q.holds.cause = nil
}

// hold keeps the delivery of a for its next attempt, which handles m. If the worker stops, the
// queue is paused, or the consumer receives no more, it requeues the delivery at once.
func (q *Subscription) hold(a *attempt, m *message.Message, delay time.Duration) error {
	record.ClearDue(m)
	a.held = true
	q.stops.hold(a)
	next := known{record: maps.Clone(m.Headers), due: time.Now().Add(min(delay, holdLimit))}
	maps.DeleteFunc(next.record, func(name string, _ any) bool { return !record.IsRecord(name) })
	n, _ := m.Headers.Int(record.HeaderRetryCount)
	next.attempt = int(n) + 1
	return q.wait(a.tag, m, next)
}

// wait keeps the delivery until it is due.
func (q *Subscription) wait(tag amqp.Tag, m *message.Message, next known) error {
	at := q.holds.open(tag, opened{at: time.Now(), identity: q.identity(m), known: next})
	h := &held{delivery: tag.As(m), due: next.due, wake: q.wake(at, next.due), taken: make(chan struct{})}
	// Receives is asked after add, since the keeper first ends a consumer and then takes what waits.
	if !q.holds.add(h) || !tag.Receives() && q.holds.take(h) {
		return q.requeue(&h.delivery)
	}
	q.pool.goroutines.Go(func() { q.keepUntilDue(h) })
	return nil
}

// keepUntilDue waits for one message. When it is due, a worker goroutine receives it again. It is
// requeued if its consumer receives no more, or if it has been unacknowledged for too long.
func (q *Subscription) keepUntilDue(h *held) {
	timer := time.NewTimer(time.Until(h.wake))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-h.delivery.Lost():
	case <-h.taken:
		return
	}
	if !q.holds.take(h) {
		return
	}
	due := !time.Now().Before(h.due)
	if due && amqp.Again(&h.delivery) {
		return
	}
	_ = q.requeue(&h.delivery) // if the channel is gone, the broker has it already
}

// requeue requeues a message that waits no longer. If its single active consumer has ended, the message
// is left to the end of the channel; see release.
func (q *Subscription) requeue(d *amqp.Delivery) error {
	q.requeuing(d.Tag)
	if q.config.SingleActive && !d.Receives() {
		d.Leave()
		return nil
	}
	return d.Release()
}

// requeueAll requeues deliveries that no goroutine handles. Their consumer must be cancelled.
func (q *Subscription) requeueAll(ctx context.Context, deliveries []amqp.Delivery) {
	for i := range deliveries {
		q.requeuing(deliveries[i].Tag)
	}
	q.report(amqp.Release(ctx, deliveries))
}

// requeuing keeps what is known of a delivery that is to be requeued, if it was held.
func (q *Subscription) requeuing(tag amqp.Tag) {
	q.holds.requeued(tag)
	q.stops.leaveHeld(tag)
}

// endHolds requeues what waits, and what is to be held from now on.
func (q *Subscription) endHolds(hard context.Context) {
	q.holds.end()
	q.requeueAll(hard, q.takeHeld())
}

// takeHeld takes what waits, to be requeued.
func (q *Subscription) takeHeld() []amqp.Delivery {
	all := q.holds.takeAll()
	deliveries := make([]amqp.Delivery, 0, len(all))
	for _, h := range all {
		deliveries = append(deliveries, h.delivery)
	}
	return deliveries
}

// wake returns when a delivery that arrived at the given time is handled or requeued. A message of a
// stream always waits until it is due: it cannot be requeued, and would never be handled again. If
// the broker's consumer timeout ends its consumer meanwhile, the next one begins with it.
func (q *Subscription) wake(arrived, due time.Time) time.Time {
	if bound := arrived.Add(q.holdBound()); bound.Before(due) && !q.isStream() {
		return bound
	}
	return due
}

// holdBound returns how long a delivery may be unacknowledged while it waits, so that the next
// attempt ends before the broker's consumer timeout.
func (q *Subscription) holdBound() time.Duration {
	return max(holdLimit-max(q.config.Timeout, 0), holdMinimum)
}

// resume prepares the attempt for a message that was held before. It reports whether the
// message waits again, because it was requeued before it was due.
func (q *Subscription) resume(a *attempt) bool {
	m := &a.Message
	if q.isStream() {
		a.offset = offsetOf(m.Headers)
	}
	if q.holds.remembered.Load() > 0 {
		identity := q.identity(m)
		if before, ok := q.holds.recall(identity); ok {
			return q.continues(a, identity, before)
		}
	}
	if lost := m.DeliveryCount - a.stops.Stops; lost >= m.Attempt && q.holdsRetries() && q.config.WorkQueue(nil).CountsDeliveries() {
		m.Attempt = lost + 1 // the attempts of a process that has ended
	}
	return false
}

// continues gives the attempt what is known of its message. It reports whether the message waits
// again.
func (q *Subscription) continues(a *attempt, identity uint64, before known) bool {
	m := &a.Message
	if m.Headers == nil {
		m.Headers = message.Headers{}
	}
	maps.Copy(m.Headers, before.record)
	m.Attempt = before.attempt
	if !time.Now().Before(before.due) {
		q.holds.open(a.tag, opened{at: time.Now(), identity: identity, known: before})
		return false
	}
	q.stops.hold(a)
	_ = q.wait(a.tag, m, before) // if the channel is gone, the broker has it already
	return true
}

// forget removes what is kept of a delivery that is settled. If its message will be delivered again,
// that is kept for the next delivery.
func (q *Subscription) forget(a *attempt, out Outcome, err error) {
	settled := err == nil && out.Verdict != Release
	q.stops.end(a, settled && !a.held)
	switch {
	case a.held:
	case !settled:
		q.holds.requeued(a.tag)
	default:
		q.holds.forget(a.tag)
		if q.isStream() {
			q.offsets.done(a.offset)
		}
	}
}

// identity returns the same value for a message when it is delivered again.
func (q *Subscription) identity(m *message.Message) uint64 {
	var h maphash.Hash
	h.SetSeed(q.seed)
	_, _ = h.WriteString(m.ID + "\x00" + m.Exchange + "\x00" + m.RoutingKey + "\x00")
	if m.ID == "" {
		_, _ = h.Write(m.Body)
	}
	return h.Sum64()
}

// heldWarnings returns why retries wait in the worker although they should not, and whether
// they leave no place for other messages.
func (q *Subscription) heldWarnings() (all []string) {
	n := q.holds.len()
	if cause := q.holdCause(); cause != nil {
		all = append(all, fmt.Sprintf("queue %s: retries wait in the worker, within its prefetch and for %v at most, because the parking queue cannot be used: %v", q.config.Name, holdLimit, cause))
	}
	if _, concurrency := q.wanted(); n > 0 && n >= q.prefetch(concurrency, false) {
		all = append(all, fmt.Sprintf("queue %s: %d messages wait in the worker for their next attempt, and no others are received meanwhile; raise Prefetch", q.config.Name, n))
	}
	return all
}

func (q *Subscription) holdCause() error {
	if q.config.HoldRetries || q.parking == nil {
		return nil
	}
	if err := q.parking.absent(); err != nil {
		return err
	}
	q.holds.mu.Lock()
	defer q.holds.mu.Unlock()
	return q.holds.cause
}
