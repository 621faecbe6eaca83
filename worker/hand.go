package worker

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/telemetry"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
)

// source is where a hand gets its deliveries; false ends the hand.
type source func() (amqp.Delivery, bool)

// errGoexit stands for a handler that ended its goroutine instead of returning.
var errGoexit = errors.New("worker: the handler called runtime.Goexit")

// hand works on one message after the other. A queue has as many as its
// concurrency, so the limit cannot be exceeded.
func (q *Subscription) hand(next source) {
	returned := false
	defer func() {
		if !returned { // a handler has ended this goroutine: the queue needs its hand
			q.crew.hands.Go(func() { q.hand(next) })
		}
	}()
	for {
		d, ok := next()
		if !ok {
			returned = true
			return
		}
		q.handle(&d)
	}
}

// handle runs the handler for d and settles d by what it returned.
func (q *Subscription) handle(d *amqp.Delivery) {
	a := &attempt{Context: message.Context{Context: d.Context()}}
	d.Fill(&a.Message)
	select {
	case <-d.Lost():
		return // the broker has it back
	default:
	}
	q.busy.Add(1)
	defer q.busy.Add(-1)
	if limit, m := q.suspect(), &a.Message; limit > 0 && m.DeliveryCount >= limit {
		q.worker.emit(Isolated{Queue: q.config.Name, MessageID: m.ID, RoutingKey: m.RoutingKey, DeliveryCount: m.DeliveryCount})
	}
	a.canary = canary(&a.Message)
	q.reportBegin(a)
	began := time.Now()
	err := errGoexit
	defer func() { q.settle(d, a, q.decide(err, a), time.Since(began)) }()
	err = q.attempt(a)
}

// decide returns what becomes of the message. A shutdown, or the loss of the delivery,
// spends no attempts and dead-letters nothing.
func (q *Subscription) decide(err error, a *attempt) Outcome {
	err = sound(err)
	switch {
	case err == nil:
	case context.Cause(a) != nil,
		q.isStopping() && errors.Is(err, ErrStopping):
		return Outcome{Verdict: Release, Err: err}
	}
	return decide(err, &a.Message, q.policy())
}

// sound returns err, or the panic that one of its methods ends in: a nil pointer to
// an error type is an error until it is asked something.
func sound(err error) error {
	if err == nil {
		return nil
	}
	panicked := safely(func() error {
		decide(err, &message.Message{}, retry.Policy{})
		errors.Is(err, ErrStopping)
		_, _ = err.Error(), telemetry.ErrorType(err)
		return nil
	})
	return cmp.Or(panicked, err)
}
