package middleware_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/sony/gobreaker/v2"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/middleware"
	"github.com/warren-mq/warren/retry"
)

// tripsAtOnce opens after one failure, for ten seconds.
func tripsAtOnce() gobreaker.Settings {
	return gobreaker.Settings{
		Name: "mail", Timeout: 10 * time.Second,
		ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= 1 },
	}
}

func TestBreakerHoldsMessagesUntilAProbeSucceeds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		var mu sync.Mutex
		var started []time.Duration
		healthyAt := 15 * time.Second
		h := middleware.Breaker(tripsAtOnce())(handler.Func(func(context.Context, *message.Message) error {
			at := time.Since(begin)
			mu.Lock()
			started = append(started, at.Truncate(100*time.Millisecond))
			mu.Unlock()
			time.Sleep(time.Second)
			if at < healthyAt {
				return errBoom
			}
			return nil
		}))
		if err := h.Handle(t.Context(), &message.Message{}); !errors.Is(err, errBoom) {
			t.Fatal(err)
		}
		var hands sync.WaitGroup
		for range 4 {
			hands.Go(func() { _ = h.Handle(t.Context(), &message.Message{}) })
		}
		hands.Wait()
		// Tripped at 1s; probe at 11s fails at 12s; probe at 22s succeeds at 23s; two held go then.
		want := []time.Duration{0, 11 * time.Second, 22 * time.Second, 23 * time.Second, 23 * time.Second}
		if len(started) != len(want) {
			t.Fatalf("started at %v, want %v", started, want)
		}
		for i := range want {
			if started[i] != want[i] {
				t.Errorf("started at %v, want %v", started, want)
			}
		}
	})
}

func TestBreakerGivesUpWaiting(t *testing.T) {
	t.Parallel()
	abandoned := errors.New("abandoned")
	for _, tt := range []struct {
		name     string
		halfOpen bool
		end      func(cancel context.CancelCauseFunc, stopping chan struct{})
		want     error
		text     string
	}{
		{
			"on an open one when the worker begins to drain", false, func(_ context.CancelCauseFunc, s chan struct{}) { close(s) },
			handler.ErrStopping, `middleware: waiting for circuit breaker "mail": handler: the worker is stopping`,
		},
		{
			"on an open one when the context is done", false, func(c context.CancelCauseFunc, _ chan struct{}) { c(abandoned) },
			abandoned, `middleware: waiting for circuit breaker "mail": abandoned`,
		},
		{
			"on a half-open one when the worker begins to drain", true, func(_ context.CancelCauseFunc, s chan struct{}) { close(s) },
			handler.ErrStopping, `middleware: waiting for circuit breaker "mail": handler: the worker is stopping`,
		},
		{
			"on a half-open one when the context is done", true, func(c context.CancelCauseFunc, _ chan struct{}) { c(abandoned) },
			abandoned, `middleware: waiting for circuit breaker "mail": abandoned`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				begin, release := time.Now(), make(chan struct{})
				h := middleware.Breaker(tripsAtOnce())(handler.Func(func(context.Context, *message.Message) error {
					if time.Since(begin) > 0 {
						<-release // a probe that takes its time
					}
					return errBoom
				}))
				_ = h.Handle(t.Context(), &message.Message{})
				var probe sync.WaitGroup
				after := time.Second
				if tt.halfOpen {
					probe.Go(func() { _ = h.Handle(t.Context(), &message.Message{}) })
					after = time.Minute
				}
				time.Sleep(after / 2)
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				stopping := make(chan struct{})
				time.AfterFunc(after/2, func() { tt.end(cancel, stopping) })
				err := h.Handle(handler.WithStopping(ctx, stopping), &message.Message{})
				if !errors.Is(err, tt.want) || err.Error() != tt.text || time.Since(begin) != after {
					t.Errorf("%v after %v, want %s after %v", err, time.Since(begin), tt.text, after)
				}
				close(release)
				probe.Wait()
			})
		})
	}
}

func TestBreakerCounts(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		err   error
		trips bool
	}{
		{"no success", nil, false},
		{"an error", errBoom, true},
		{"an error with a pause of its own", retry.After(time.Second, errBoom), true},
		{"no snooze", retry.Snooze(time.Second), false},
		{"no discard", retry.Discard(errBoom), false},
		{"no permanent error", retry.Permanent(errBoom), false},
		{"no permanent error of backoff", backoff.Permanent(errBoom), false},
		{"no release", handler.ErrStopping, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			runs, state := 0, gobreaker.StateClosed
			settings := tripsAtOnce()
			settings.OnStateChange = func(_ string, _, to gobreaker.State) { state = to }
			h := middleware.Breaker(settings)(returns(&runs, tt.err))
			if err := h.Handle(t.Context(), &message.Message{}); err != tt.err { //nolint:errorlint // the very error
				t.Errorf("returned %v, want %v untouched", err, tt.err)
			}
			if got := state == gobreaker.StateOpen; got != tt.trips {
				t.Errorf("tripped: %v, want %v", got, tt.trips)
			}
		})
	}
}

func TestBreakerCountsAPanicAndLetsItThrough(t *testing.T) {
	t.Parallel()
	state, settings := gobreaker.StateClosed, tripsAtOnce()
	settings.OnStateChange = func(_ string, _, to gobreaker.State) { state = to }
	h := middleware.Breaker(settings)(handler.Func(panics))
	mustPanic(t, func() { _ = h.Handle(t.Context(), &message.Message{}) })
	if state != gobreaker.StateOpen {
		t.Errorf("state is %v after a panic, want open", state)
	}
}

func TestBreakerAsksTheSettingsFirst(t *testing.T) {
	t.Parallel()
	state, settings := gobreaker.StateClosed, tripsAtOnce()
	settings.OnStateChange = func(_ string, _, to gobreaker.State) { state = to }
	settings.IsSuccessful = func(err error) bool { return errors.Is(err, errBoom) }
	runs := 0
	h := middleware.Breaker(settings)(returns(&runs, errBoom, context.Canceled))
	for _, want := range []gobreaker.State{gobreaker.StateClosed, gobreaker.StateOpen} {
		if _ = h.Handle(t.Context(), &message.Message{}); state != want {
			t.Errorf("state is %v after %d runs, want %v", state, runs, want)
		}
	}
}

// A probe that counts as nothing leaves the circuit half-open and its place free.
func TestAnUncountedProbeLeavesTheBreakerHalfOpen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var runs atomic.Int64
		h := middleware.Breaker(tripsAtOnce())(handler.Func(func(context.Context, *message.Message) error {
			switch runs.Add(1) {
			case 1:
				return errBoom
			case 2:
				time.Sleep(time.Second)
				return handler.ErrStopping
			}
			return nil
		}))
		_ = h.Handle(t.Context(), &message.Message{})
		begin := time.Now()
		var hands sync.WaitGroup
		for range 3 {
			hands.Go(func() { _ = h.Handle(t.Context(), &message.Message{}) })
		}
		hands.Wait()
		if took := time.Since(begin).Truncate(100 * time.Millisecond); took != 11*time.Second || runs.Load() != 4 {
			t.Errorf("%d runs after %v, want 4 after 11s", runs.Load(), took)
		}
	})
}

func TestBreakerWaitsAMinuteByDefault(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		settings := tripsAtOnce()
		settings.Timeout = 0
		runs, begin := 0, time.Now()
		h := middleware.Breaker(settings)(returns(&runs, errBoom, nil))
		_ = h.Handle(t.Context(), &message.Message{})
		if err := h.Handle(t.Context(), &message.Message{}); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); took != time.Minute+time.Millisecond {
			t.Errorf("let through after %v, want a minute and a millisecond: one timer, no polling", took)
		}
	})
}
