package wiring_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/runner/internal/wiring"
)

// wrapped returns a handler with the middleware of a queue with the settings, and what is logged.
func wrapped(t *testing.T, settings string, h handler.Func) (handler.Handler, *strings.Builder) {
	t.Helper()
	c, err := config.Load(config.Source{Name: "config.yaml", Data: []byte(
		"broker: {url: \"amqp://broker/\"}\nqueues: [{name: mail, " + settings + ", handlers: [{key: mail, log: {}}]}]",
	)})
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	return handler.Chain(h, wiring.Middleware(c.Queues[0], slog.New(slog.NewTextHandler(&log, nil)))...), &log
}

func TestABreakerStopsTheQueueAndTriesOneMessage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		down := errors.New("the service is down")
		calls := 0
		h, log := wrapped(t, "breaker: {failures: 2, pause: 10s}", func(context.Context, *message.Message) error {
			if calls++; calls <= 3 {
				return down
			}
			return nil
		})
		began := time.Now()
		for n, want := range []struct {
			after time.Duration
			err   error
		}{{0, down}, {0, down}, {10 * time.Second, down}, {20 * time.Second, nil}, {20 * time.Second, nil}} {
			err := h.Handle(t.Context(), &message.Message{})
			if took := time.Since(began).Truncate(time.Second); !errors.Is(err, want.err) || took != want.after {
				t.Errorf("message %d was handled after %v with the error %v, want %v and %v", n+1, took, err, want.after, want.err)
			}
		}
		for _, state := range []string{"open", "half-open", "closed"} {
			if want := `msg="runner: circuit breaker changed" queue=mail state=` + state; !strings.Contains(log.String(), want) {
				t.Errorf("the log lacks %s:\n%s", want, log)
			}
		}
	})
}

// TestMessagesThatWaitForAPlaceAreNotHandledWhileTheBreakerIsOpen has eight messages, of which two are
// handled at a time and fail.
func TestMessagesThatWaitForAPlaceAreNotHandledWhileTheBreakerIsOpen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		h, _ := wrapped(t, "concurrency: 8, min_concurrency: 2, breaker: {failures: 2, pause: 1m}", func(context.Context, *message.Message) error {
			calls.Add(1)
			time.Sleep(time.Second)
			return errors.New("the service is down")
		})
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Second)
		defer cancel()
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() { _ = h.Handle(ctx, &message.Message{}) }) // ends with an error either way
		}
		all.Wait()
		if n := calls.Load(); n > 3 {
			t.Errorf("%d messages were handled, want 3 at most: two, and one that follows the first", n)
		}
	})
}

func TestMinConcurrencyIsWhereTheConcurrencyBegins(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int64
		h, _ := wrapped(t, "concurrency: 4, min_concurrency: 2", func(context.Context, *message.Message) error {
			most.Store(max(most.Load(), now.Add(1)))
			defer now.Add(-1)
			time.Sleep(time.Second)
			return nil
		})
		done := make(chan error, 4)
		for range 4 {
			go func() { done <- h.Handle(t.Context(), &message.Message{}) }()
		}
		for range 4 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if most.Load() != 2 {
			t.Errorf("%d messages were handled at a time, want 2", most.Load())
		}
	})
}
