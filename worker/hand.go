package worker

import (
	"context"
	"errors"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/message"
)

// source is where a hand gets its deliveries; false ends the hand.
type source func(stop <-chan struct{}) (broker.Delivery, bool)

// errGoexit stands for a handler that ended its goroutine instead of returning.
var errGoexit = errors.New("worker: the handler called runtime.Goexit")

// hand works on one message after the other. A queue has as many as its
// concurrency, so the limit cannot be exceeded.
func (q *Subscription) hand(next source, stop <-chan struct{}) {
	returned := false
	defer func() {
		if !returned { // a handler has ended this goroutine: the queue needs its hand
			q.crew.running.Go(func() { q.hand(next, stop) })
		}
	}()
	for {
		d, ok := next(stop)
		if !ok {
			returned = true
			return
		}
		q.handle(&d)
	}
}

// handle runs the handler for d and settles d by what it returned.
func (q *Subscription) handle(d *broker.Delivery) {
	a := &attempt{Context: message.Context{Context: q.worker.inHand}}
	d.Fill(&a.Message)
	if d.Withdrawn() {
		q.settle(d, a, Outcome{Verdict: Release}, 0)
		return
	}
	q.busy.Add(1)
	defer q.busy.Add(-1)
	began := time.Now()
	err := errGoexit
	defer func() { q.settle(d, a, q.decide(err, a), time.Since(began)) }()
	err = q.attempt(a)
}

// attempt runs the chain, if there is a handler that can take the message.
func (q *Subscription) attempt(a *attempt) error {
	if err := a.prepare(q.config, &q.mux); err != nil {
		return err
	}
	return safely(func() error { return q.chain.Handle(a, &a.Message) })
}

// decide is what becomes of the message, with the worker's own state in mind: a
// shutdown spends no attempts and dead-letters nothing.
func (q *Subscription) decide(err error, a *attempt) Outcome {
	switch {
	case err == nil:
	case context.Cause(q.worker.inHand) != nil && a.run != nil,
		errors.Is(err, ErrStopping) && q.worker.isStopping():
		return Outcome{Verdict: Release, Err: err}
	}
	out := decide(err, &a.Message, q.config.Retry)
	out.Spent = out.Spent && a.run != nil
	return out
}
