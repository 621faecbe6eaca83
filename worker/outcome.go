package worker

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/warren-mq/warren/internal/reason"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
)

// Verdict is the kind of an outcome.
type Verdict int

// The verdicts, and how they are carried out.
const (
	Ack        Verdict = iota // done: basic.ack
	Retry                     // again later: a copy in the parking queue, then ack
	DeadLetter                // no further attempt: a copy in the dead-letter queue, then ack
	Discard                   // not wanted: basic.ack, counted and logged
	Release                   // not handled: basic.nack with requeue
)

// String returns the verdict's name in logs and metrics.
func (v Verdict) String() string {
	names := [...]string{"ack", "retry", "dead-letter", "discard", "release"}
	if v < 0 || int(v) >= len(names) {
		return fmt.Sprintf("verdict(%d)", int(v))
	}
	return names[v]
}

// Outcome is how a delivery is settled, and why.
type Outcome struct {
	Verdict Verdict
	Delay   time.Duration // of a retry
	Reason  string        // of a retry or a dead letter: one of message's Reason constants
	Err     error         // what the handler returned, or what kept it from running
	Spent   bool          // an attempt was spent
}

// decide turns the handler's error into the outcome. It is a pure function, except for the
// random spread of the delay.
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
	out := Outcome{Verdict: DeadLetter, Reason: reason.Of(err), Err: err, Spent: !neverRan(err)}
	if reason.IsPermanent(err) || p.Exhausted(m.Attempt) {
		return out
	}
	out.Verdict, out.Delay = Retry, p.Randomized(m.Attempt, rand.Float64())
	if d, ok := retry.AfterDelay(err); ok {
		out.Delay = d
	}
	return out
}

// PanicError is the error of a handler that panicked.
type PanicError struct {
	Value any
	Stack []byte
}

// Error returns the text of the value with which the handler panicked.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Unwrap returns the value with which the handler panicked, if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// Reason returns message.ReasonPanic.
func (e *PanicError) Reason() string { return message.ReasonPanic }

// UnhandledError is the error of a message for whose routing key no handler is registered. The
// message is retried by the queue's policy, since during a rolling deployment a newer process
// may have the handler.
type UnhandledError struct{ Queue, Key string }

// Error returns a text with the key and the queue.
func (e *UnhandledError) Error() string {
	return fmt.Sprintf("worker: queue %s has no handler for routing key %q", e.Queue, e.Key)
}

// Reason returns message.ReasonUnhandled.
func (e *UnhandledError) Reason() string { return message.ReasonUnhandled }

// TooLargeError is the error of a message whose body is larger than Queue.MaxBodyBytes.
type TooLargeError struct{ Size, Limit int }

// Error returns a text with both sizes, in bytes.
func (e *TooLargeError) Error() string {
	return fmt.Sprintf("worker: the body has %d bytes, want at most %d", e.Size, e.Limit)
}

// Permanent returns true: the body is too large in each attempt.
func (e *TooLargeError) Permanent() bool { return true }

// Reason returns message.ReasonDecode.
func (e *TooLargeError) Reason() string { return message.ReasonDecode }

// ErrGraceExpired is the cause of a handler's cancelled context when the worker stops and the
// grace is over.
var ErrGraceExpired = errors.New("worker: stopping, and the grace is over")
