package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/middleware"
	"github.com/warren-mq/warren/retry"
)

func blips() retry.Policy {
	return retry.Policy{MaxAttempts: 3, InitialInterval: 100 * time.Millisecond, RandomizationFactor: -1}
}

func TestRetryCallsAgain(t *testing.T) {
	t.Parallel()
	errPermanent, errDiscard := retry.Permanent(errBoom), retry.Discard(errBoom)
	errSnooze, errAfter := retry.Snooze(time.Hour), retry.After(time.Hour, errBoom)
	stop := fmt.Errorf("x: %w", backoff.Permanent(errBoom))
	errs := func(errs ...error) []error { return errs }
	for _, tt := range []struct {
		name string
		errs []error
		want error
		runs int
		took time.Duration
	}{
		{"not after success", errs(nil), nil, 1, 0},
		{"until success", errs(errBoom, nil), nil, 2, 100 * time.Millisecond},
		{"until the policy is exhausted", errs(errBoom), errBoom, 3, 300 * time.Millisecond},
		{
			"and returns the last error", errs(errBoom, context.Canceled, context.DeadlineExceeded),
			context.DeadlineExceeded, 3, 300 * time.Millisecond,
		},
		{"not after a permanent error", errs(errPermanent), errPermanent, 1, 0},
		{"not after backoff's permanent error, which keeps its mark", errs(stop), stop, 1, 0},
		{"not after a permanent error on a later attempt", errs(errBoom, errPermanent), errPermanent, 2, 100 * time.Millisecond},
		{"not after backoff's on a later attempt, which keeps its mark", errs(errBoom, stop), stop, 2, 100 * time.Millisecond},
		{"not after a discard", errs(errDiscard), errDiscard, 1, 0},
		{"not after a snooze", errs(errSnooze), errSnooze, 1, 0},
		{"not after a pause of its own", errs(errAfter), errAfter, 1, 0},
		{"not when the worker stops", errs(handler.ErrStopping), handler.ErrStopping, 1, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				begin, runs := time.Now(), 0
				err := middleware.Retry(blips())(returns(&runs, tt.errs...)).Handle(t.Context(), &message.Message{})
				if err != tt.want { //nolint:errorlint // the very error, its marks included
					t.Errorf("returned %#v, want %#v", err, tt.want)
				}
				if took := time.Since(begin); runs != tt.runs || took != tt.took {
					t.Errorf("%d runs in %v, want %d in %v", runs, took, tt.runs, tt.took)
				}
			})
		})
	}
}

func TestRetryWaitsNoMore(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		end  func(cancel, stop func())
	}{
		{"once its context is done", func(cancel, _ func()) { cancel() }},
		{"once the worker begins to drain", func(_, stop func()) { stop() }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				stopping := make(chan struct{})
				time.AfterFunc(40*time.Millisecond, func() { tt.end(cancel, func() { close(stopping) }) })
				begin, runs := time.Now(), 0
				h := middleware.Retry(blips())(returns(&runs, errBoom))
				err := h.Handle(handler.WithStopping(ctx, stopping), &message.Message{})
				if took := time.Since(begin); !errors.Is(err, errBoom) || runs != 1 || took != 40*time.Millisecond {
					t.Errorf("%v after %d runs in %v, want the handler's error after 1 in 40ms", err, runs, took)
				}
			})
		})
	}
}

func TestRetryDoesNotBeginToWaitWhenDone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		begin, runs := time.Now(), 0
		err := middleware.Retry(blips())(returns(&runs, errBoom)).Handle(ctx, &message.Message{})
		if !errors.Is(err, errBoom) || runs != 1 || time.Since(begin) != 0 {
			t.Errorf("%v after %d runs in %v, want boom at once", err, runs, time.Since(begin))
		}
	})
}

func TestRetryLetsAPanicThrough(t *testing.T) {
	t.Parallel()
	runs := 0
	h := middleware.Retry(retry.Policy{InitialInterval: 1})(handler.Func(func(ctx context.Context, m *message.Message) error {
		if runs++; runs > 1 {
			return panics(ctx, m)
		}
		return errBoom
	}))
	mustPanic(t, func() { _ = h.Handle(handler.WithStopping(t.Context(), make(chan struct{})), &message.Message{}) })
}
