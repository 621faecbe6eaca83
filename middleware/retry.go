package middleware

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
)

// Retry calls the handler again at once, within the process, when it fails: for
// blips of milliseconds. The slot stays taken while it waits, and the message's
// Attempt stays the same; for longer pauses the queue has a policy of its own. Zero
// fields of policy mean 3 attempts, and pauses from 50 ms that double up to 1 s.
//
// It returns the handler's last error. It does not call again after an error that
// is marked by package retry or *backoff.PermanentError, nor after
// handler.ErrStopping, and it waits no more once ctx is done or the worker begins
// to drain.
func Retry(policy retry.Policy) handler.Middleware {
	policy.MaxAttempts = cmp.Or(policy.MaxAttempts, 3)
	policy.InitialInterval = cmp.Or(policy.InitialInterval, 50*time.Millisecond)
	policy.MaxInterval = cmp.Or(policy.MaxInterval, max(time.Second, policy.InitialInterval))
	return func(next handler.Handler) handler.Handler {
		return handler.Func(func(ctx context.Context, m *message.Message) error {
			err := next.Handle(ctx, m)
			if decided(err) || policy.Exhausted(1) {
				return err
			}
			return again(ctx, next, m, policy, err)
		})
	}
}

// again drives the attempts after the first, which ended with err. The caller is
// told what the handler returned last, with its marks, and not what backoff makes
// of it; so backoff's own error is only looked at to know that it is over.
func again(ctx context.Context, next handler.Handler, m *message.Message, policy retry.Policy, err error) error {
	waiting, cancel := untilStopping(ctx)
	defer cancel()
	run := func() error { return err } // first what is known already
	operation := func() error {
		err = run()
		run = func() error { return next.Handle(ctx, m) }
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

// decided says that another attempt could not change, or must not delay, what
// becomes of the message.
func decided(err error) bool {
	_, after := retry.AfterDelay(err)
	_, snoozed := retry.SnoozeDelay(err)
	return err == nil || after || snoozed || permanent(err) || retry.IsDiscard(err) || errors.Is(err, handler.ErrStopping)
}

// schedule is a policy in the words of backoff.
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

// untilStopping returns a context that is done when ctx is, or when the worker
// begins to drain.
func untilStopping(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	if stopping := handler.Stopping(ctx); stopping != nil {
		go func() {
			select {
			case <-stopping:
				cancel(handler.ErrStopping)
			case <-ctx.Done():
			}
		}()
	}
	return ctx, func() { cancel(nil) }
}
