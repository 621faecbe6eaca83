package worker

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
)

// Verdict is the kind of an outcome.
type Verdict int

// Verdicts, and what the broker is told.
const (
	Ack        Verdict = iota // done: basic.ack
	Retry                     // again later: a copy in the parking queue, then ack
	DeadLetter                // given up: a copy in the dead-letter queue, then ack
	Discard                   // not wanted: basic.ack, counted and logged
	Release                   // not handled: basic.nack with requeue
)

// String is the verdict's name, as logs and metrics have it.
func (v Verdict) String() string {
	names := [...]string{"ack", "retry", "dead-letter", "discard", "release"}
	if v < 0 || int(v) >= len(names) {
		return fmt.Sprintf("verdict(%d)", int(v))
	}
	return names[v]
}

// Outcome is what becomes of a delivery.
type Outcome struct {
	Verdict Verdict
	Delay   time.Duration // of a retry
	Reason  string        // of a retry or a dead letter: one of message's Reason constants
	Err     error         // what the handler returned, or what kept it from running
	Spent   bool          // an attempt was spent
}

// decide turns what the handler returned into the outcome. It is pure but for
// the spread of the delay.
func decide(err error, m *message.Message, p retry.Policy) Outcome {
	if err == nil {
		return Outcome{Verdict: Ack, Spent: true}
	}
	if d, ok := retry.SnoozeDelay(err); ok {
		return Outcome{Verdict: Retry, Delay: d, Err: err}
	}
	if retry.IsDiscard(err) {
		return Outcome{Verdict: Discard, Err: err, Spent: true}
	}
	out := Outcome{Verdict: DeadLetter, Reason: reason(err), Err: err, Spent: !neverRan(err)}
	if isPermanent(err) || p.Exhausted(m.Attempt) {
		return out
	}
	out.Verdict, out.Delay = Retry, p.Randomized(m.Attempt, rand.Float64())
	if d, ok := retry.AfterDelay(err); ok {
		out.Delay = d
	}
	return out
}

// isPermanent asks the error, and knows the one of backoff/v4, which does not say.
func isPermanent(err error) bool {
	if _, ok := errors.AsType[*backoff.PermanentError](err); ok {
		return true
	}
	return retry.IsPermanent(err)
}

// reason asks the error for its own, if that is one of ours, and else tells by what
// it is.
func reason(err error) string {
	if r, ok := errors.AsType[interface {
		error
		Reason() string
	}](err); ok {
		switch own := r.Reason(); own {
		case message.ReasonPanic, message.ReasonTimeout, message.ReasonDecode, message.ReasonInvalid, message.ReasonUnhandled:
			return own
		}
	}
	if isPermanent(err) {
		return message.ReasonPermanent
	}
	return message.ReasonError
}

// PanicError is a handler's panic, as an error.
type PanicError struct {
	Value any
	Stack []byte
}

// Error gives the value the handler panicked with.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Unwrap returns the value if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// Reason is message.ReasonPanic.
func (e *PanicError) Reason() string { return message.ReasonPanic }

// UnhandledError says that no handler is registered for a routing key. It is retried by
// the queue's policy: during a rolling deployment a newer process may have the handler.
type UnhandledError struct{ Queue, Key string }

// Error names the key and the queue.
func (e *UnhandledError) Error() string {
	return fmt.Sprintf("worker: queue %s has no handler for routing key %q", e.Queue, e.Key)
}

// Reason is message.ReasonUnhandled.
func (e *UnhandledError) Reason() string { return message.ReasonUnhandled }

// TooLargeError says that a body is over the queue's limit.
type TooLargeError struct{ Size, Limit int }

// Error gives both sizes, in bytes.
func (e *TooLargeError) Error() string {
	return fmt.Sprintf("worker: the body has %d bytes, want at most %d", e.Size, e.Limit)
}

// Permanent is true: the body does not shrink.
func (e *TooLargeError) Permanent() bool { return true }

// Reason is message.ReasonDecode.
func (e *TooLargeError) Reason() string { return message.ReasonDecode }

// Causes of a cancelled handler's context.
var (
	// ErrGraceExpired is the cause when the worker stops and the grace is over.
	ErrGraceExpired = errors.New("worker: stopping, and the grace is over")
	// ErrStopping is returned by a handler or middleware that was only waiting
	// when the worker began to stop: the message is released.
	ErrStopping = handler.ErrStopping
)
