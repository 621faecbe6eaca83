package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/pace"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/topology"
)

// settle carries the outcome out and emits Settled. If the delivery's channel is gone, the
// outcome is dropped, and the broker delivers the message again.
func (q *Subscription) settle(d *amqp.Delivery, a *attempt, out Outcome, took time.Duration) {
	answer := d.Ack
	if out.Verdict == Release {
		answer = d.Release
	}
	if out.Verdict == Retry || out.Verdict == DeadLetter {
		switch err := q.handOff(d, a, out); {
		case errors.Is(err, broker.ErrTooLarge), errors.Is(err, broker.ErrMalformed):
			out, answer = Outcome{Verdict: DeadLetter, Reason: out.Reason, Err: errors.Join(out.Err, err), Spent: out.Spent}, d.Reject
		case err != nil:
			out, answer = Outcome{Verdict: Release, Err: errors.Join(err, out.Err)}, d.Release
		}
	}
	err := answer()
	q.worker.emit(settled(q.config.Name, a, out, took, err))
	q.reportSettled(a, out, err)
}

// handOffPauses returns the pauses between attempts to publish a copy.
func handOffPauses() retry.Policy {
	return retry.Policy{InitialInterval: 100 * time.Millisecond, MaxInterval: 5 * time.Second, RandomizationFactor: -1}
}

// handOff publishes the copy that replaces the delivery. Since the delivery must not be acked
// before the copy is confirmed, handOff tries until it is, the delivery's channel is lost, or
// the grace is over. One copy is under way at a time: handOff waits for a late confirm.
func (q *Subscription) handOff(d *amqp.Delivery, a *attempt, out Outcome) error {
	c := record.Copy(&a.Message, q.failure(a, out).Headers())
	if a.canary != "" && snoozed(out) {
		c.Headers[record.HeaderCanary] = a.canary // its first attempt is yet to come
	}
	if out.Verdict == Retry {
		record.SetDue(c, time.Now().Add(out.Delay))
	}
	ctx := d.Context()
	note, done := q.copies.begin()
	defer done()
	failed := func(err error) {
		note(err)
		q.worker.emit(HandOffFailed{Queue: q.config.Name, Message: &a.Message, Outcome: out, Err: err, Span: a.span})
	}
	for n := 1; ; n++ {
		if ctx.Err() != nil { // the copy cannot leave any more, so this is no failed attempt
			return context.Cause(ctx)
		}
		late := time.AfterFunc(unconfirmedLimit, func() { failed(q.worker.unconfirmed()) })
		err := q.send(ctx, c, out)
		late.Stop()
		switch {
		case err == nil:
			return nil
		case errors.Is(err, broker.ErrMalformed):
			return err
		case errors.Is(err, broker.ErrTooLarge):
			if !record.Slim(c.Headers) {
				return err // the broker's own dead-lettering adds less
			}
			continue
		}
		failed(err)
		if errors.Is(err, broker.ErrUnroutable) {
			q.assertSoon() // someone has deleted a part of the copy's way
		}
		if !pace.Wait(ctx, handOffPauses(), n) {
			return err
		}
	}
}

// failure returns the failure record of a.
func (q *Subscription) failure(a *attempt, out Outcome) record.Failure {
	f := record.Failure{
		Queue: q.config.Name, Message: &a.Message, Reason: out.Reason, Err: out.Err, Retry: out.Verdict == Retry,
		Handler: a.handler(), Span: a.span, At: time.Now(),
	}
	if p, ok := errors.AsType[*PanicError](out.Err); ok {
		f.Stack = p.Stack
	}
	return f
}

// unconfirmedLimit is how long a copy may be unconfirmed before an event is emitted.
const unconfirmedLimit = 10 * time.Second

// unconfirmed returns why a copy is not confirmed after that time, as far as that is known.
func (w *Worker) unconfirmed() error {
	session, err := w.connections.sender.Connector().Current()
	switch {
	case session == nil:
		return fmt.Errorf("worker: the copy is not confirmed after %v: %w: %w", unconfirmedLimit, broker.ErrNotConnected, err)
	case session.Blocked() != "":
		return fmt.Errorf("worker: the copy is not confirmed after %v: %w: %s", unconfirmedLimit, broker.ErrBlocked, session.Blocked())
	}
	return fmt.Errorf("worker: the copy is not confirmed after %v: the broker does not answer", unconfirmedLimit)
}

func (q *Subscription) send(ctx context.Context, c *message.Message, out Outcome) error {
	if out.Verdict == Retry {
		return q.worker.connections.sender.SendUntil(ctx, "", topology.ParkingQueue(q.config.Name), c)
	}
	return q.worker.connections.sender.DeadLetter(ctx, q.config.Name, c)
}

// declareTimeout bounds the declaration of one queue's topology.
const declareTimeout = 30 * time.Second
