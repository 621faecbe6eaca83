package worker_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/worker"
)

// rerouted is a middleware that passes on a copy with another routing key.
func rerouted(key string) handler.Middleware {
	return func(next handler.Handler) handler.Handler {
		return handler.Func(func(ctx context.Context, m *message.Message) error {
			changed := *m
			changed.RoutingKey = key
			return next.Handle(ctx, &changed)
		})
	}
}

// refusing is a middleware that does not call the handler.
func refusing(handler.Handler) handler.Handler {
	return handler.Func(func(context.Context, *message.Message) error { return retry.Permanent(errors.New("refused")) })
}

// TestTheHandlerThatRanIsNamed in the event, the failure record and the log, also if a
// middleware passes on a message with another routing key. Where none ran, the key of the
// delivery decides.
func TestTheHandlerThatRanIsNamed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, want string
		middleware []handler.Middleware
	}{
		{"of the delivery's own key", "first.*", nil},
		{"of the key that a middleware sets", "second.#", []handler.Middleware{rerouted("second.key")}},
		{"of the last key that a middleware sets", "second.#", []handler.Middleware{rerouted("first.other"), rerouted("second.key")}},
		{"none for a key without a handler", "", []handler.Middleware{rerouted("third")}},
		{"of the delivery if no handler is called", "first.*", []handler.Middleware{refusing, rerouted("second.key")}},
	} {
		rabbit.Run(t, tt.name, func(t *testing.T) {
			b := newBench(t)
			b.queue.Middleware = tt.middleware
			b.queue.Retry.MaxAttempts = 1
			logged := make(handlerNames, 1)
			fail := handler.Func(func(context.Context, *message.Message) error { return retry.Permanent(errBoom) })
			b.runMux(map[string]handler.Handler{"first.*": fail, "second.#": fail}, func(c *worker.Config) { c.Logger = slog.New(logged) })
			b.publish("first.key", 1)
			if got := message.Headers(b.deadLetter().Headers).String(record.HeaderHandler); got != tt.want {
				t.Errorf("the failure record names %q, want %q", got, tt.want)
			}
			b.verdicts(1)
			if got := b.settled()[0].Handler; got != tt.want {
				t.Errorf("the event names %q, want %q", got, tt.want)
			}
			if got := <-logged; got != tt.want {
				t.Errorf("the log names %q, want %q", got, tt.want)
			}
		})
	}
}

// handlerNames is a log that keeps the attribute "handler" of its records alone.
type handlerNames chan string

func (handlerNames) Enabled(context.Context, slog.Level) bool { return true }

func (c handlerNames) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "handler" {
			c <- a.Value.String()
		}
		return true
	})
	return nil
}

func (c handlerNames) WithAttrs([]slog.Attr) slog.Handler { return c }
func (c handlerNames) WithGroup(string) slog.Handler      { return c }
