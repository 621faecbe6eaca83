package worker_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/worker"
)

// TestGoexitIsAnErrorAndTheHandIsReplaced: t.FailNow in a handler, or any other
// runtime.Goexit, ends the goroutine and must not end the queue.
func TestGoexitIsAnErrorAndTheHandIsReplaced(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		r := b.run(handler.Func(func(_ context.Context, m *message.Message) error {
			if m.RoutingKey == "bad" {
				runtime.Goexit()
			}
			return nil
		}))
		b.publish("bad", 1)
		want := []worker.Verdict{worker.Retry, worker.Retry, worker.DeadLetter}
		if got := b.verdicts(3); !slices.Equal(got, want) {
			t.Errorf("verdicts %v, want %v", got, want)
		}
		if text := message.Headers(b.deadLetter().Headers).String(record.HeaderError); !strings.Contains(text, "runtime.Goexit") {
			t.Errorf("the error is %q, want one that names runtime.Goexit", text)
		}
		for range 3 { // more than there are goroutines
			b.publish("good", 1)
		}
		b.verdicts(6)
		b.eventually("no message is in hand", func() bool { return r.sub.Health().InHand == 0 })
		if err := r.finish(); err != nil {
			t.Errorf("Run returned %v, want nil", err)
		}
	})
}

// TestMiddlewareThatMisbehaves is no end of the worker.
func TestMiddlewareThatMisbehaves(t *testing.T) {
	t.Parallel()
	type mw = func(next handler.Handler, ctx context.Context, m *message.Message) error
	for _, tt := range []struct {
		name   string
		mw     mw
		reason string
		text   string
	}{
		{
			"it panics before the handler", func(handler.Handler, context.Context, *message.Message) error { panic("early") },
			message.ReasonPanic, "panic: early",
		},
		{"it panics after the handler", func(next handler.Handler, ctx context.Context, m *message.Message) error {
			panic(next.Handle(ctx, m))
		}, message.ReasonPanic, "panic: boom"},
		{"it calls the handler with a context of its own", func(next handler.Handler, _ context.Context, m *message.Message) error {
			return next.Handle(context.Background(), m)
		}, message.ReasonError, "boom"},
		{
			"it leaves the handler out", func(handler.Handler, context.Context, *message.Message) error { return errors.New("closed today") },
			message.ReasonError, "closed today",
		},
		{"it joins an error of its own", func(next handler.Handler, ctx context.Context, m *message.Message) error {
			return errors.Join(errors.New("mine"), next.Handle(ctx, m))
		}, message.ReasonError, "mine\nboom"},
	} {
		rabbit.Run(t, tt.name, func(t *testing.T) {
			b := newBench(t)
			b.queue.Retry.MaxAttempts = 1
			b.queue.Middleware = []handler.Middleware{func(next handler.Handler) handler.Handler {
				return handler.Func(func(ctx context.Context, m *message.Message) error {
					if m.RoutingKey == "good" {
						return next.Handle(ctx, m)
					}
					return tt.mw(next, ctx, m)
				})
			}}
			b.run(handler.Func(func(_ context.Context, m *message.Message) error {
				if m.RoutingKey == "good" {
					return nil
				}
				return errBoom
			}))
			b.publish("bad", 1)
			h := message.Headers(b.deadLetter().Headers)
			if got := h.String(record.HeaderReason); got != tt.reason {
				t.Errorf("reason %q, want %q", got, tt.reason)
			}
			if got := h.String(record.HeaderError); !strings.Contains(got, tt.text) {
				t.Errorf("error %q, want one with %q", got, tt.text)
			}
			b.publish("good", 1)
			if got := b.verdicts(2); !slices.Contains(got, worker.Ack) {
				t.Errorf("verdicts %v, want the second message acked", got)
			}
		})
	}
}

// TestMiddlewareRunsFromTheOutside: the worker's around the queue's, each once.
func TestMiddlewareRunsFromTheOutside(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		var mu sync.Mutex
		var order []string
		note := func(name string) handler.Middleware {
			return func(next handler.Handler) handler.Handler {
				return handler.Func(func(ctx context.Context, m *message.Message) error {
					mu.Lock()
					order = append(order, name)
					mu.Unlock()
					return next.Handle(context.WithValue(ctx, errBoom, name), m)
				})
			}
		}
		b.queue.Middleware = []handler.Middleware{note("queue 1"), note("queue 2")}
		b.run(handler.Func(func(ctx context.Context, m *message.Message) error {
			if ctx.Value(errBoom) != "queue 2" || message.FromContext(ctx) != m {
				return errBoom
			}
			return nil
		}), func(c *worker.Config) { c.Middleware = []handler.Middleware{note("worker 1"), note("worker 2")} })
		b.publish("key", 1)
		if got := b.verdicts(1); got[0] != worker.Ack {
			t.Errorf("verdict %v, want ack: the handler has the contexts of all, and the message", got[0])
		}
		if want := []string{"worker 1", "worker 2", "queue 1", "queue 2"}; !slices.Equal(order, want) {
			t.Errorf("order %v, want %v", order, want)
		}
	})
}

// hollow is an error of which nil is a value: its Error panics then.
type hollow struct{ text string }

func (h *hollow) Error() string { return h.text }

// TestAnErrorThatPanicsDoesNotEndTheProcess: a nil pointer returned as an error is a
// slip that Go makes easy. It runs in a process of its own, which may die of it.
func TestAnErrorThatPanicsDoesNotEndTheProcess(t *testing.T) {
	if os.Getenv("HOLLOW_CHILD") == "" {
		t.Parallel()
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
		cmd.Env = append(os.Environ(), "HOLLOW_CHILD=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("the process ended with %v:\n%.3000s", err, out)
		}
		return
	}
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.queue.Retry.MaxAttempts = 1
		b.run(handler.Func(func(_ context.Context, m *message.Message) error {
			if m.RoutingKey == "good" {
				return nil
			}
			var h *hollow
			return h
		}))
		b.publish("bad", 1)
		if reason := message.Headers(b.deadLetter().Headers).String(record.HeaderReason); reason == "" {
			t.Error("the dead letter has no reason")
		}
		b.publish("good", 1)
		if got := b.verdicts(2); !slices.Contains(got, worker.Ack) {
			t.Errorf("verdicts %v, want the second message acked", got)
		}
	})
}
