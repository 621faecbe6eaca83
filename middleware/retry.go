package middleware

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/emit"
	"github.com/warren-mq/warren/internal/pace"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
)

// Retry calls a failing handler again, within the process, for failures that last
// milliseconds. The message keeps its worker goroutine during the pauses, and its Attempt
// stays the same. For longer pauses, use the Retry policy of the queue. Zero fields of policy
// mean 3 attempts, and pauses from 50 ms that double up to 1 s.
//
// Retry returns the last error of the handler. It does not call the handler again after an
// error that is marked by package retry or is a *backoff.PermanentError, after
// handler.ErrStopping, or once ctx is done or the worker begins to drain.
func Retry(policy retry.Policy) handler.Middleware {
	policy.MaxAttempts = cmp.Or(policy.MaxAttempts, 3)
	policy.InitialInterval = cmp.Or(policy.InitialInterval, 50*time.Millisecond)
	policy.MaxInterval = cmp.Or(policy.MaxInterval, max(time.Second, policy.InitialInterval))
	return func(next handler.Handler) handler.Handler {
		return handler.Func(func(ctx context.Context, m *message.Message) error {
			err := attempt(ctx, next, m)
			if decided(err) || policy.Exhausted(1) {
				return err
			}
			return again(ctx, next, m, policy, err)
		})
	}
}

// attempt calls next, and drops what it has emitted if it fails.
func attempt(ctx context.Context, next handler.Handler, m *message.Message) error {
	emitted := emit.From(ctx)
	before := emitted.Mark()
	err := next.Handle(ctx, m)
	if err != nil {
		err = emitted.Flush(ctx, before, err)
	}
	return err
}

// again runs the attempts after the first, which ended with err. It returns the last error of
// the handler, with its marks, and not the error of backoff.
func again(ctx context.Context, next handler.Handler, m *message.Message, policy retry.Policy, err error) error {
	waiting, cancel := pace.UntilStopping(ctx)
	defer cancel()
	run := func() error { return err } // first what is known already
	operation := func() error {
		err = run()
		run = func() error { return attempt(ctx, next, m) }
		if decided(err) {
			return backoff.Permanent(err)
		}
		return err
	}
	if backoff.Retry(operation, backoff.WithContext(&schedule{policy: policy}, waiting)) == nil {
		return nil
	}
	return err
}

// decided reports whether another attempt could not change the outcome of the message, or
// must not delay it.
func decided(err error) bool {
	_, after := retry.AfterDelay(err)
	_, snoozed := retry.SnoozeDelay(err)
	return err == nil || after || snoozed || permanent(err) || retry.IsDiscard(err) || errors.Is(err, handler.ErrStopping)
}

// schedule is a policy as a backoff.BackOff.
type schedule struct {
	policy  retry.Policy
	attempt int
}

func (s *schedule) Reset() { s.attempt = 0 }

func (s *schedule) NextBackOff() time.Duration {
	s.attempt++
	if s.policy.Exhausted(s.attempt) {
		return backoff.Stop
	}
	return s.policy.Randomized(s.attempt, rand.Float64())
}
