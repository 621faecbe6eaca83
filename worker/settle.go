package worker

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/pace"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/topology"
)

// settle carries the outcome out. If the delivery's channel is gone, the outcome is dropped,
// and the broker delivers the message again.
func (q *Subscription) settle(a *attempt, out Outcome, took time.Duration) {
	switch out.Verdict {
	case Retry:
		if q.delayedByBroker(a, out) {
			q.settled(a, out, took, a.tag.Delay())
			return
		}
		if q.holdsRetries() {
			q.settled(a, out, took, q.hold(a, q.copyOf(a, out), out.Delay))
			return
		}
		q.handOver(a, out, took)
	case DeadLetter:
		q.bury(a, out, took)
	case Release:
		if q.isStream() && !q.isStopping() && a.tag.Context().Err() == nil {
			q.settled(a, out, took, q.hold(a, q.copyOf(a, Outcome{Verdict: Retry, Err: out.Err}), streamPause))
			return
		}
		if q.keepsCheckpoint(a) {
			q.settled(a, out, took, q.releaseCopy(a, out))
			return
		}
		q.settled(a, out, took, q.release(a))
	default:
		q.settled(a, out, took, a.tag.Ack())
	}
}

// release requeues the message. A single active consumer that stops leaves it to the end of the
// channel, together with the messages that no handler has begun: the broker would deliver a message
// that is requeued earlier to the same consumer again, behind them.
func (q *Subscription) release(a *attempt) error {
	q.holds.requeued(a.tag)
	if q.config.SingleActive && q.isStopping() {
		q.stops.leave(a.tag, a.stops.afterStop(a.saved(), a.Message.DeliveryCount))
		a.tag.Leave()
		return nil
	}
	return a.tag.Release()
}

// settled emits Settled for a delivery that was answered with the result err.
func (q *Subscription) settled(a *attempt, out Outcome, took time.Duration, err error) {
	q.worker.emitSettled(Settled{
		Queue: q.config.Name, Handler: a.handler(), Message: &a.Message, Outcome: out, Took: took, SettleErr: err, Span: a.span, Emitted: a.emitted(),
	})
	q.reportSettled(a, out, err)
	q.forget(a, out, err)
	q.busy.Add(-1)
}

// handOverWindow is how many copies of a queue may wait for their confirms without holding a
// worker goroutine. Their messages are unacknowledged, so Prefetch bounds them too.
const handOverWindow = 64

// handOver is the copy of a message for a retry or the dead-letter queue, on its way there.
type handOver struct {
	queue *Subscription
	ctx   context.Context // of the delivery
	a     *attempt
	out   Outcome
	copy  *message.Message
	note  func(error) // see copies.begin
	done  func()
	late  *time.Timer                 // reports that the copy is not confirmed
	wait  func(context.Context) error // returns the result of the last publish
	// reject says that no copy can be published, and that a reject does not lose the message.
	reject bool
}

// handOver publishes the copy that replaces the delivery, and settles the delivery when the
// copy is confirmed. The worker goroutine waits for the confirm only if handOverWindow copies
// are waiting already. The copies that one goroutine publishes keep their order.
func (q *Subscription) handOver(a *attempt, out Outcome, took time.Duration) {
	if err := context.Cause(a.tag.Context()); err != nil { // nothing has failed: the copy was not published
		q.settled(a, Outcome{Verdict: Release, Err: errors.Join(err, out.Err)}, took, q.release(a))
		return
	}
	h := q.newHandOver(a, out)
	h.publish()
	finish := func() {
		out, answer := h.finish()
		q.settled(a, out, took, answer())
	}
	select {
	case q.copies.window <- struct{}{}:
		q.pool.goroutines.Go(func() {
			defer func() { <-q.copies.window }()
			finish()
		})
	default:
		finish()
	}
}

// bury settles a message that is dead.
func (q *Subscription) bury(a *attempt, out Outcome, took time.Duration) {
	switch d := q.config.DeadLetters; {
	case d.Discard:
		out.Err = errors.Join(out.Err, errDiscarded)
		q.settled(a, out, took, a.tag.Ack())
	case d.Reject:
		q.settled(a, out, took, a.tag.Reject())
	default:
		q.handOver(a, out, took)
	}
}

// errDiscarded is part of the error of a dead letter that is kept nowhere.
var errDiscarded = errors.New("worker: the message is deleted, because DeadLetters.Discard is set")

// copyOf returns the copy of a message for its next attempt or as a dead letter.
func (q *Subscription) copyOf(a *attempt, out Outcome) *message.Message {
	c := record.Copy(&a.Message, q.failure(a, out).Headers())
	if saved := a.saved(); saved != "" {
		c.Headers[record.HeaderCheckpoint] = saved
	}
	if a.canary != "" && (snoozed(out) || out.Verdict == Release) {
		c.Headers[record.HeaderCanary] = a.canary // its first attempt is yet to come
	}
	if out.Verdict == DeadLetter && q.config.DeadLetters.WithoutRecord {
		maps.DeleteFunc(c.Headers, func(name string, _ any) bool { return record.IsOwn(name) })
	}
	return c
}

func (q *Subscription) newHandOver(a *attempt, out Outcome) *handOver {
	h := &handOver{queue: q, ctx: a.tag.Context(), a: a, out: out, copy: q.copyOf(a, out)}
	if out.Verdict == Retry {
		record.Delay(h.copy, out.Delay)
	}
	h.note, h.done = q.copies.begin()
	return h
}

// publish starts to publish the copy. It returns at once unless the publishing connection is
// lost or its window is full.
func (h *handOver) publish() {
	exchange, key := "", topology.ParkingQueue(h.queue.config.Name)
	if h.out.Verdict == DeadLetter {
		exchange, key = h.queue.config.WorkQueue(nil).DeadLetterTarget()
		key = cmp.Or(key, h.a.Message.RoutingKey)
	}
	h.late = time.AfterFunc(unconfirmedLimit, func() { h.failed(h.queue.worker.unconfirmed()) })
	h.wait = h.queue.worker.connections.sender.StartUntil(h.ctx, exchange, key, h.copy)
}

func (h *handOver) failed(err error) {
	h.note(err)
	h.queue.worker.emit(HandOffFailed{Queue: h.queue.config.Name, Message: &h.a.Message, Outcome: h.out, Err: err, Span: h.a.span})
}

// finish returns the outcome of the delivery, and how to answer the broker, once the copy is
// confirmed or cannot be.
func (h *handOver) finish() (out Outcome, answer func() error) {
	defer h.done()
	out = h.out
	switch err := h.confirmed(); {
	case errors.Is(err, errUnparked):
		return out, func() error { return h.queue.hold(h.a, h.copy, out.Delay) }
	case h.reject:
		return Outcome{Verdict: DeadLetter, Reason: out.Reason, Err: errors.Join(out.Err, err), Spent: out.Spent}, h.a.tag.Reject
	case err != nil:
		return Outcome{Verdict: Release, Err: errors.Join(err, out.Err)}, func() error { return h.queue.release(h.a) }
	}
	return out, h.a.tag.Ack
}

// confirmed returns nil when the copy is confirmed. Since the delivery must not be acked
// before that, it publishes the copy again until it is confirmed, the delivery's channel is
// lost, or the grace is over. One copy is under way at a time: a late confirm is waited for.
func (h *handOver) confirmed() error {
	for n := 1; ; n++ {
		err := h.wait(h.ctx)
		h.late.Stop()
		switch {
		case err == nil:
			if h.out.Verdict == Retry {
				h.queue.parked()
			}
			return nil
		case errors.Is(err, broker.ErrTooLarge) && record.Slim(h.copy.Headers):
			h.publish()
			continue
		case isUnpublishable(err) && h.queue.keepsRejected():
			h.reject = true // the broker's own dead-lettering adds less
			return err
		case h.out.Verdict == Retry && (isUnpublishable(err) || h.queue.cannotPark(err)):
			return errUnparked
		}
		h.failed(err)
		if errors.Is(err, broker.ErrUnroutable) {
			h.queue.assertSoon() // someone has deleted a part of the copy's way
		}
		if !pace.Wait(h.ctx, handOffPauses(), n) {
			return err
		}
		h.publish()
	}
}

// isUnpublishable reports whether err says that the message itself cannot be published, now or later.
func isUnpublishable(err error) bool {
	return errors.Is(err, broker.ErrTooLarge) || errors.Is(err, broker.ErrMalformed)
}

// keepsRejected reports whether a message that is rejected is certainly not deleted: a stream keeps it,
// and a queue with a dead-letter exchange dead-letters it. AMQP does not say whether a queue that
// others declare has one.
func (q *Subscription) keepsRejected() bool {
	if q.isStream() {
		return true
	}
	_, ok := q.workQueue().Own().Queues[0].Arguments["x-dead-letter-exchange"]
	return ok && (q.mode().Manages() || q.config.PerProcess)
}

// handOffPauses returns the pauses between attempts to publish a copy.
func handOffPauses() retry.Policy {
	return retry.Policy{InitialInterval: 100 * time.Millisecond, MaxInterval: 5 * time.Second, RandomizationFactor: -1}
}

// failure returns the failure record of a.
func (q *Subscription) failure(a *attempt, out Outcome) record.Failure {
	f := record.Failure{
		Queue: q.sourceName(), Message: &a.Message, Reason: out.Reason, Err: out.Err, Retry: out.Verdict == Retry,
		Handler: a.handler(), Span: a.span, At: time.Now(),
	}
	if p, ok := errors.AsType[*PanicError](out.Err); ok {
		f.Stack = p.Stack
	}
	return f
}
