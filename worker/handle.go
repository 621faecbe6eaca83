package worker

import (
	"cmp"
	"context"
	"errors"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/warren-mq/warren/checkpoint"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/emit"
	"github.com/warren-mq/warren/internal/reason"
	"github.com/warren-mq/warren/internal/telemetry"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
)

// source returns the next delivery of a worker goroutine; false ends the goroutine.
type source func() (amqp.Delivery, bool)

// errGoexit stands for a handler that ended its goroutine instead of returning.
var errGoexit = errors.New("worker: the handler called runtime.Goexit")

// work handles one message after the other. A queue has as many goroutines in it as its
// concurrency, so the limit cannot be exceeded.
func (q *Subscription) work(next source) {
	returned, goroutine := false, q.running.goroutine()
	defer func() {
		if !returned { // a handler has ended this goroutine: the pool needs another one
			q.pool.goroutines.Go(func() { q.work(next) })
		}
	}()
	for {
		d, ok := next()
		if !ok {
			returned = true
			return
		}
		if q.distributes() {
			q.distribute(&d)
			continue
		}
		q.handle(&d, goroutine)
	}
}

// handle runs the handler for d and settles d by what it returned.
func (q *Subscription) handle(d *amqp.Delivery, goroutine int) {
	a := &attempt{Context: message.Context{Context: d.Context()}, tag: d.Tag}
	d.Fill(&a.Message)
	if q.config.native() {
		a.Message.Attempt += a.Message.DeliveryCount // the broker counts the attempts
	}
	select {
	case <-d.Lost():
		q.requeuing(d.Tag) // the broker has it back
		return
	default:
	}
	q.loadRecord(a)
	if q.resume(a) {
		return
	}
	q.busy.Add(1) // until settled
	if limit, m := q.suspect(), &a.Message; limit > 0 && m.DeliveryCount >= limit {
		q.worker.emit(Isolated{
			Queue: q.config.Name, MessageID: m.ID, RoutingKey: m.RoutingKey, DeliveryCount: m.DeliveryCount, Span: q.worker.creation(m),
		})
	}
	remove := q.running.add(a, goroutine)
	a.canary = canary(&a.Message)
	q.reportBegin(a)
	began := time.Now()
	q.worker.meter.waited(a, q.config.Name, &a.Message, began)
	err := errGoexit
	defer func() {
		a.decided()
		out := q.decide(err, a)
		remove() // it cannot be cancelled any more
		took := time.Since(began)
		q.settle(a, q.answer(a, out), took)
	}()
	err = q.attempt(a)
}

// attempt is one run of a handler for a message: its context, the message, and what the
// failure record and the events say of it.
type attempt struct {
	message.Context
	tag    amqp.Tag
	span   trace.SpanContext // the span of the attempt
	canary string            // the header of a canary in its first attempt; see canary.go
	offset int64             // in a stream
	held   bool              // it waits in the worker for its next attempt

	checkpoint atomic.Pointer[checkpoint.State] // nil until the handler asks for it
	stops      stopped                          // what is recorded of the message, with SingleActive
	recording  *stops                           // records its checkpoints; nil without SingleActive
	stopsErr   error                            // why the record could not be read
	ended      bool                             // its checkpoints are recorded no longer; guarded by recording.mu

	mu       sync.Mutex // a middleware may return before dispatch does
	pattern  string
	handling bool            // a handler runs
	over     bool            // the outcome is decided
	emits    *emit.Collector // of that handler or the last one; nil if it has emitted nothing
	request  *request        // nil unless the handler replies
}

type attemptKey struct{}

// Value finds the attempt, for dispatch, what collects emitted messages, and its checkpoints. It
// asks the message's context for everything else.
func (a *attempt) Value(key any) any {
	switch key {
	case attemptKey{}:
		return a
	case emit.Key{}:
		return a.collector()
	case checkpoint.Key{}:
		return a.checkpoints()
	}
	return a.Context.Value(key)
}

// handler returns the pattern of the handler that was called last. If none was called, it
// is the pattern that the routing key of the delivery matches.
func (a *attempt) handler() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.pattern
}

func (a *attempt) setHandler(pattern string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.pattern = pattern
}

// attempt runs the chain for a, within its span.
func (q *Subscription) attempt(a *attempt) error {
	_, pattern, _ := q.mux.Match(a.Message.RoutingKey)
	a.setHandler(pattern)
	if err := q.tooOften(a); err != nil {
		return err
	}
	return safely(func() error { return q.observed.Handle(a, &a.Message) })
}

// within runs the chain within the span of the attempt.
func (q *Subscription) within(ctx context.Context, m *message.Message) error {
	if a, found := ctx.Value(attemptKey{}).(*attempt); found {
		a.span = trace.SpanContextFromContext(ctx)
	}
	return q.chain.Handle(ctx, m)
}

// dispatch is the inner end of the chain. It finds the handler for the message that it
// receives, which a middleware may have changed, and calls it.
func (q *Subscription) dispatch(ctx context.Context, m *message.Message) error {
	h, pattern, ok := q.mux.Match(m.RoutingKey)
	a, found := ctx.Value(attemptKey{}).(*attempt)
	if found {
		a.setHandler(pattern)
	}
	if len(m.Body) > q.config.MaxBodyBytes {
		return &TooLargeError{Size: len(m.Body), Limit: q.config.MaxBodyBytes}
	}
	if !ok {
		return &UnhandledError{Queue: q.config.Name, Key: m.RoutingKey}
	}
	if found {
		return a.call(ctx, h, m)
	}
	return safely(func() error { return h.Handle(ctx, m) })
}

// decide returns the outcome of the message. A shutdown, or the loss of the delivery,
// spends no attempts and dead-letters nothing.
func (q *Subscription) decide(err error, a *attempt) Outcome {
	err = sound(err)
	switch {
	case err == nil:
	case cancelled(a) != nil:
		return cancelled(a).outcome(err, &a.Message, q.policyFor(&a.Message))
	case context.Cause(a) != nil,
		q.isStopping() && errors.Is(err, handler.ErrStopping):
		return Outcome{Verdict: Release, Err: err}
	}
	return decide(err, &a.Message, q.policyFor(&a.Message))
}

// sound returns err, or the panic that one of its methods ends in: a nil pointer to
// an error type is an error until it is asked something.
func sound(err error) error {
	if err == nil {
		return nil
	}
	panicked := safely(func() error {
		decide(err, &message.Message{}, retry.Policy{})
		errors.Is(err, handler.ErrStopping)
		_, _, _ = err.Error(), telemetry.ErrorType(err), reason.Of(err)
		return nil
	})
	return cmp.Or(panicked, err)
}

// neverRan reports whether err says that the message cannot be given to its handler. No
// attempt is spent then.
func neverRan(err error) bool {
	if _, ok := errors.AsType[*TooLargeError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*DeliveryLimitError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*handler.DecodeError](err); ok {
		return true
	}
	_, ok := errors.AsType[*handler.InvalidError](err)
	return ok
}

// safely turns a panic into an error, with the stack.
func safely(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	return f()
}
