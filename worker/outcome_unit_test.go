package worker_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/worker"
)

// says is an error that gives a reason of its own, as errors of others may.
type says string

func (says) Error() string    { return "says" }
func (s says) Reason() string { return string(s) }

// never is an error that denies being permanent.
type never struct{}

func (never) Error() string   { return "never" }
func (never) Permanent() bool { return false }

func TestDecide(t *testing.T) {
	t.Parallel()
	const ack, again, dead, discard = worker.Ack, worker.Retry, worker.DeadLetter, worker.Discard
	permanent := retry.Permanent(errBoom)
	tests := []struct {
		name    string
		err     error
		attempt int
		verdict worker.Verdict
		delay   time.Duration
		reason  string
		spent   bool
	}{
		{"nil is acked", nil, 1, ack, 0, "", true},
		{"nil is acked in the last attempt", nil, 3, ack, 0, "", true},
		{"an error waits as the policy says", errBoom, 1, again, time.Second, message.ReasonError, true},
		{"the next error waits longer", errBoom, 2, again, 2 * time.Second, message.ReasonError, true},
		{"the last attempt is the last", errBoom, 3, dead, 0, message.ReasonError, true},
		{"an attempt beyond the last is too", errBoom, 1 << 30, dead, 0, message.ReasonError, true},
		{"After overrules the policy's delay", retry.After(time.Hour, errBoom), 1, again, time.Hour, message.ReasonError, true},
		{"After may be at once", retry.After(0, errBoom), 1, again, 0, message.ReasonError, true},
		{"After does not overrule the limit", retry.After(time.Hour, errBoom), 3, dead, 0, message.ReasonError, true},
		{"After around Permanent is dead", retry.After(time.Hour, permanent), 1, dead, 0, message.ReasonPermanent, true},
		{"Permanent around After is dead", retry.Permanent(retry.After(time.Hour, errBoom)), 1, dead, 0, message.ReasonPermanent, true},
		{"Snooze spends nothing", retry.Snooze(time.Minute), 1, again, time.Minute, "", false},
		{"Snooze works beyond the last attempt", retry.Snooze(time.Minute), 3, again, time.Minute, "", false},
		{"Snooze beside Discard snoozes", errors.Join(retry.Discard(errBoom), retry.Snooze(1)), 1, again, 1, "", false},
		{"Snooze inside Discard snoozes", retry.Discard(retry.Snooze(1)), 1, again, 1, "", false},
		{"Snooze inside Permanent snoozes", retry.Permanent(retry.Snooze(1)), 1, again, 1, "", false},
		{"Discard around Permanent discards", retry.Discard(permanent), 1, discard, 0, "", true},
		{"Permanent around Discard discards", retry.Permanent(retry.Discard(errBoom)), 3, discard, 0, "", true},
		{"a wrapped mark counts", fmt.Errorf("send: %w", permanent), 1, dead, 0, message.ReasonPermanent, true},
		{"backoff's mark around ours that denies it", backoff.Permanent(never{}), 1, dead, 0, message.ReasonPermanent, true},
		{"an error that denies being permanent is tried again", never{}, 1, again, time.Second, message.ReasonError, true},
		{"a panic has its reason", &worker.PanicError{Value: 1}, 1, again, time.Second, message.ReasonPanic, true},
		{"a panic with a permanent error is dead", &worker.PanicError{Value: permanent}, 1, dead, 0, message.ReasonPanic, true},
		{"a timeout has its reason", &worker.TimeoutError{Limit: 1}, 1, again, time.Second, message.ReasonTimeout, true},
		{"a bad body is dead", &handler.DecodeError{Err: errBoom}, 1, dead, 0, message.ReasonDecode, false},
		{"an invalid payload is dead", &handler.InvalidError{Err: errBoom}, 1, dead, 0, message.ReasonInvalid, false},
		{"an unhandled key waits as the policy says", &worker.UnhandledError{Queue: "q", Key: "k"}, 1, again, time.Second, message.ReasonUnhandled, true},
		{"an unhandled key is dead after the last attempt", &worker.UnhandledError{Queue: "q", Key: "k"}, 3, dead, 0, message.ReasonUnhandled, true},
		{"too large a body is dead", &worker.TooLargeError{Size: 2, Limit: 1}, 1, dead, 0, message.ReasonDecode, false},
		{"a cancelled context is an error", context.Canceled, 1, again, time.Second, message.ReasonError, true},
	}
	p := retry.Policy{MaxAttempts: 3, RandomizationFactor: -1}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := worker.Decide(tt.err, &message.Message{Attempt: tt.attempt}, p)
			want := worker.Outcome{Verdict: tt.verdict, Delay: tt.delay, Reason: tt.reason, Err: tt.err, Spent: tt.spent}
			if got.Verdict != want.Verdict || got.Delay != want.Delay || got.Reason != want.Reason || got.Spent != want.Spent ||
				!errors.Is(got.Err, want.Err) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		})
	}
}

// TestDecideHasTheLastWordOnReasons: an error of someone else may have a method
// Reason too. A failure without a reason would be taken for a snooze, and never end.
func TestDecideHasTheLastWordOnReasons(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		err  error
		want string
	}{
		{"an empty reason", says(""), message.ReasonError},
		{"an empty reason in a permanent error", retry.Permanent(says("")), message.ReasonPermanent},
		{"a reason of its own", says("invalid"), message.ReasonInvalid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := &message.Message{Attempt: 2}
			out := worker.Decide(tt.err, m, retry.Default())
			if out.Reason != tt.want {
				t.Errorf("the reason is %q, want %q", out.Reason, tt.want)
			}
			h := worker.Record("q", m, out)
			if n, _ := h.Int(record.HeaderRetryCount); out.Verdict == worker.Retry && n != 2 {
				t.Errorf("after the second attempt failed the retry count is %d, want 2", n)
			}
		})
	}
}

func TestPolicyWithoutLimitNeverGivesUp(t *testing.T) {
	t.Parallel()
	out := worker.Decide(errBoom, &message.Message{Attempt: 1 << 30}, retry.Policy{MaxAttempts: -1, MaxInterval: time.Hour})
	if out.Verdict != worker.Retry || out.Delay > time.Hour*12/10 {
		t.Errorf("got %v after %v, want a retry after an hour or so", out.Verdict, out.Delay)
	}
}

func TestNamesOfVerdictsAndStates(t *testing.T) {
	t.Parallel()
	for got, want := range map[string]string{
		fmt.Sprint(worker.Ack, worker.Retry, worker.DeadLetter, worker.Discard, worker.Release): "ack retry dead-letter discard release",
		fmt.Sprint(worker.Verdict(-1), worker.Verdict(5)):                                       "verdict(-1) verdict(5)",
		fmt.Sprint(worker.StateStarting, worker.StateConsuming, worker.StatePaused):             "starting consuming paused",
		fmt.Sprint(worker.StateIdle, worker.StateDraining, worker.State(-1), worker.State(5)):   "idle draining state(-1) state(5)",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestADelayMayTakeYears, as it may for WithDelay.
func TestADelayMayTakeYears(t *testing.T) {
	t.Parallel()
	const years = 100 * 365 * 24 * time.Hour
	p := retry.Policy{MaxAttempts: 3, RandomizationFactor: -1}
	for name, err := range map[string]error{"Snooze": retry.Snooze(years), "After": retry.After(years, errBoom)} {
		if got := worker.Decide(err, &message.Message{Attempt: 1}, p); got.Verdict != worker.Retry || got.Delay != years {
			t.Errorf("%s: got %+v, want a retry after %v", name, got, years)
		}
	}
}
