package middleware_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/middleware"
)

func TestRateLimitKeepsThePace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		runs, begin := 0, time.Now()
		h := middleware.RateLimit(rate.NewLimiter(rate.Every(time.Second), 2))(returns(&runs, nil))
		for i, want := range []time.Duration{0, 0, time.Second, 2 * time.Second} {
			if err := h.Handle(t.Context(), &message.Message{}); err != nil || time.Since(begin) != want {
				t.Errorf("message %d: %v after %v, want it after %v", i, err, time.Since(begin), want)
			}
		}
	})
}

func TestRateLimitGivesUpWaiting(t *testing.T) {
	t.Parallel()
	abandoned := errors.New("abandoned")
	for _, tt := range []struct {
		name string
		end  func(cancel context.CancelCauseFunc, stopping chan struct{})
		want error
	}{
		{"when the worker begins to drain", func(_ context.CancelCauseFunc, s chan struct{}) { close(s) }, handler.ErrStopping},
		{"when the context is done", func(cancel context.CancelCauseFunc, _ chan struct{}) { cancel(abandoned) }, abandoned},
		{"as stopping when both are so", func(cancel context.CancelCauseFunc, s chan struct{}) {
			cancel(abandoned)
			close(s)
		}, handler.ErrStopping},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				stopping, runs := make(chan struct{}), 0
				limiter := rate.NewLimiter(rate.Every(time.Minute), 1)
				h := middleware.RateLimit(limiter)(returns(&runs, nil))
				if err := h.Handle(ctx, &message.Message{}); err != nil {
					t.Fatal(err)
				}
				time.AfterFunc(time.Second, func() { tt.end(cancel, stopping) })
				err := h.Handle(handler.WithStopping(ctx, stopping), &message.Message{})
				if !errors.Is(err, tt.want) || runs != 1 {
					t.Errorf("%v after %d runs, want %v after 1", err, runs, tt.want)
				}
				if tokens := limiter.Tokens(); tokens < 0 {
					t.Errorf("%v tokens left, want the unused one given back", tokens)
				}
			})
		})
	}
}

func TestRateLimitTakesNoTokenForADoneContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	runs, limiter := 0, rate.NewLimiter(1, 1)
	err := middleware.RateLimit(limiter)(returns(&runs, nil)).Handle(ctx, &message.Message{})
	if !errors.Is(err, context.Canceled) || runs != 0 || limiter.Tokens() != 1 {
		t.Errorf("%v after %d runs with %v tokens, want none of it", err, runs, limiter.Tokens())
	}
}

func TestRateLimitRefusesWhatCannotPass(t *testing.T) {
	t.Parallel()
	runs := 0
	err := middleware.RateLimit(rate.NewLimiter(1, 0))(returns(&runs, nil)).Handle(t.Context(), &message.Message{})
	if err == nil || err.Error() != "middleware: rate limit: burst is 0, want 1 or more" || runs != 0 {
		t.Errorf("burst 0: %v after %d runs", err, runs)
	}
	defer func() {
		if got := recover(); got != "middleware: RateLimit got a nil limiter" {
			t.Errorf("nil limiter: recovered %v", got)
		}
	}()
	middleware.RateLimit(nil)
}
