package engine_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/runner/internal/engine"
)

// soon bounds a stop on a busy machine: a worker's grace is not needed, since nothing is
// in hand.
const soon = 30 * time.Second

// runAway is an engine at work whose broker goes away.
func runAway(t *testing.T, from string) (e *engine.Engine, stop context.CancelFunc, ended <-chan error) {
	t.Helper()
	b, err := devbroker.Start(devbroker.Config{})
	if err != nil {
		t.Fatal(err)
	}
	c := load(t, fmt.Sprintf("broker: {url: %q}\n", b.URL())+from)
	e, err = engine.New(engine.Options{
		Config: c, Logger: slog.New(slog.DiscardHandler),
		Go: inGo(handler.Func(nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	t.Cleanup(stop)
	<-e.Working()
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	for e.Status().Ready {
		<-time.After(time.Millisecond)
	}
	return e, stop, done
}

func TestAStopEndsAReloadThatWaitsForTheBroker(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]string{
		"to add a queue":     queues(queueYAML("q", "q.#", ""), queueYAML("new", "new.#", "")),
		"to restart a queue": queues(queueYAML("q", "other.#", "")),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, stop, ended := runAway(t, queues(queueYAML("q", "q.#", "")))
			broker := fmt.Sprintf("broker: {url: %q}\n", e.Broker().URL)
			reloaded := reload(t, e, load(t, broker+tt))
			second := reload(t, e, load(t, broker+tt)) // waits for the first
			stop()
			within(t, "the stop", ended, func(err error) bool { return err == nil })
			within(t, "the reload", reloaded, func(err error) bool { return errors.Is(err, engine.ErrStopped) })
			within(t, "the second reload", second, func(err error) bool { return errors.Is(err, engine.ErrStopped) })
		})
	}
}

func TestAReloadThatDeclaresNothingNeedsNoBroker(t *testing.T) {
	t.Parallel()
	e, stop, ended := runAway(t, queues(queueYAML("q", "q.#", ""), queueYAML("gone", "gone.#", "")))
	broker := fmt.Sprintf("broker: {url: %q}\n", e.Broker().URL)
	for _, to := range []string{queues(queueYAML("q", "q.#", "")), queues(queueYAML("q", "q.#", "concurrency: 4,"))} {
		within(t, "the reload", reload(t, e, load(t, broker+to)), func(err error) bool { return err == nil })
	}
	stop()
	within(t, "the stop", ended, func(err error) bool { return err == nil })
}

func reload(t *testing.T, e *engine.Engine, c *config.Config) <-chan error {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		_, err := e.Reload(context.Background(), c)
		done <- err
	}()
	return done
}

func within(t *testing.T, what string, done <-chan error, want func(error) bool) {
	t.Helper()
	select {
	case err := <-done:
		if !want(err) {
			t.Errorf("%s ended with %v", what, err)
		}
	case <-time.After(soon):
		t.Fatalf("%s has not ended after %v", what, soon)
	}
}
