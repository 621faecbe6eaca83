package worker_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

var errBoom = errors.New("boom")

// TestOutcome is the table of design §3: what the handler does decides.
func TestOutcome(t *testing.T) {
	t.Parallel()
	const (
		ack, again, dead, discard = worker.Ack, worker.Retry, worker.DeadLetter, worker.Discard
	)
	tests := []struct {
		name     string
		handle   func(ctx context.Context, attempt int) error
		want     []worker.Verdict
		attempts []int  // what message.FromContext showed
		reason   string // of the dead letter; none if empty
	}{
		{"nil is acked", func(context.Context, int) error { return nil }, []worker.Verdict{ack}, []int{1}, ""},
		{
			"an error is retried and dead-lettered when no attempt is left", func(context.Context, int) error { return errBoom },
			[]worker.Verdict{again, again, dead},
			[]int{1, 2, 3},
			message.ReasonError,
		},
		{
			"an error is retried until it is gone", func(_ context.Context, n int) error { return failUntil(n, 2) },
			[]worker.Verdict{again, ack},
			[]int{1, 2},
			"",
		},
		{"After is retried after its own delay", func(_ context.Context, n int) error {
			return retry.After(300*time.Millisecond, failUntil(n, 2))
		}, []worker.Verdict{again, ack}, []int{1, 2}, ""},
		{"a snooze spends no attempt", snoozeTwice(), []worker.Verdict{again, again, ack}, []int{1, 1, 1}, ""},
		{
			"Permanent is dead-lettered at once", func(context.Context, int) error { return retry.Permanent(errBoom) },
			[]worker.Verdict{dead},
			[]int{1},
			message.ReasonPermanent,
		},
		{"backoff's PermanentError is dead-lettered at once", func(context.Context, int) error {
			return fmt.Errorf("wrapped: %w", backoff.Permanent(errBoom))
		}, []worker.Verdict{dead}, []int{1}, message.ReasonPermanent},
		{
			"an error that says it is permanent is dead-lettered at once", func(context.Context, int) error { return &gone{} },
			[]worker.Verdict{dead},
			[]int{1},
			message.ReasonPermanent,
		},
		{
			"Discard is acked and counted as discarded", func(context.Context, int) error { return retry.Discard(errBoom) },
			[]worker.Verdict{discard},
			[]int{1},
			"",
		},
		{
			"a panic is an error and the worker survives", func(_ context.Context, n int) error { panic("ouch") },
			[]worker.Verdict{again, again, dead},
			[]int{1, 2, 3},
			message.ReasonPanic,
		},
		{
			"overrunning the timeout is an error", func(ctx context.Context, _ int) error { <-ctx.Done(); return ctx.Err() },
			[]worker.Verdict{again, again, dead},
			[]int{1, 2, 3},
			message.ReasonTimeout,
		},
	}
	for _, tt := range tests {
		rabbit.Run(t, tt.name, func(t *testing.T) {
			b := newBench(t)
			b.queue.Timeout = 200 * time.Millisecond
			var attempts []int
			b.run(handler.Func(func(ctx context.Context, m *message.Message) error {
				attempts = append(attempts, message.FromContext(ctx).Attempt)
				return tt.handle(ctx, m.Attempt)
			}))
			b.publish("key", 1)
			if got := b.verdicts(len(tt.want)); !slices.Equal(got, tt.want) {
				t.Errorf("verdicts %v, want %v", got, tt.want)
			}
			if !slices.Equal(attempts, tt.attempts) {
				t.Errorf("attempts %v, want %v", attempts, tt.attempts)
			}
			if tt.reason == "" {
				if n := b.depth(topology.DeadLetterQueue(b.queue.Name)); n != 0 {
					t.Errorf("%d dead letters, want none", n)
				}
				return
			}
			if got := message.Headers(b.deadLetter().Headers).String(record.HeaderReason); got != tt.reason {
				t.Errorf("reason %q, want %q", got, tt.reason)
			}
		})
	}
}

func failUntil(attempt, success int) error {
	if attempt < success {
		return errBoom
	}
	return nil
}

func snoozeTwice() func(context.Context, int) error {
	n := 0
	return func(context.Context, int) error {
		if n++; n <= 2 {
			return retry.Snooze(100 * time.Millisecond)
		}
		return nil
	}
}

type gone struct{}

func (*gone) Error() string   { return "gone for good" }
func (*gone) Permanent() bool { return true }

// TestNeverRan is the row of the table for messages that no handler can take: they are
// dead-lettered at once, middleware sees why, and no attempt is spent.
func TestNeverRan(t *testing.T) {
	t.Parallel()
	type order struct {
		Count int `json:"count"`
	}
	positive := func(v any) error {
		if o, ok := v.(order); !ok || o.Count < 1 {
			return errors.New("count: want 1 or more")
		}
		return nil
	}
	tests := []struct {
		name   string
		key    string
		body   []byte
		mime   string
		reason string
		text   string // part of the recorded error
	}{
		{"bad JSON names the position", "order.placed", []byte(`{"count": x}`), "application/json", message.ReasonDecode, "11"},
		{"trailing garbage is bad JSON", "order.placed", []byte(`{"count": 1} 2`), "application/json", message.ReasonDecode, "14"},
		{"a wrong type names the field", "order.placed", []byte(`{"count": "1"}`), "application/json", message.ReasonDecode, "count"},
		{"an unknown content type is named", "order.placed", []byte(`<count/>`), "text/xml", message.ReasonDecode, "text/xml"},
		{"a body over the limit names both sizes", "order.placed", make([]byte, 200), "application/json", message.ReasonDecode, "200 bytes, want at most 100"},
		{"an invalid payload says why", "order.placed", []byte(`{"count": 0}`), "application/json", message.ReasonInvalid, "count: want 1 or more"},
	}
	for _, tt := range tests {
		rabbit.Run(t, tt.name, func(t *testing.T) {
			b := newBench(t)
			b.queue.MaxBodyBytes = 100
			seen := make(chan error, 1)
			b.queue.Middleware = []handler.Middleware{func(h handler.Handler) handler.Handler {
				return handler.Func(func(ctx context.Context, m *message.Message) error {
					err := h.Handle(ctx, m)
					seen <- err
					return err
				})
			}}
			h := handler.Typed(func(context.Context, order) error { return nil }, handler.WithValidate(positive))
			b.runMux(map[string]handler.Handler{"order.placed": h})
			b.publish(tt.key, tt.body, broker.WithContentType(tt.mime))
			d := b.deadLetter()
			h2 := message.Headers(d.Headers)
			if got := h2.String(record.HeaderReason); got != tt.reason {
				t.Errorf("reason %q, want %q", got, tt.reason)
			}
			if got := h2.String(record.HeaderError); !strings.Contains(got, tt.text) {
				t.Errorf("error %q, want one with %q", got, tt.text)
			}
			if string(d.Body) != string(tt.body) {
				t.Errorf("body %q, want %q", d.Body, tt.body)
			}
			if err := <-seen; err == nil || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("the middleware saw %v, want an error with %q", err, tt.text)
			}
			b.verdicts(1)
			if s := b.settled()[0]; s.Outcome.Spent {
				t.Error("an attempt was spent, want none")
			}
		})
	}
}

// TestDeadLetterKeepsTheMessage is design §8: everything of the message survives.
func TestDeadLetterKeepsTheMessage(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.queue.Retry.MaxAttempts = 2
		b.run(handler.Func(func(context.Context, *message.Message) error { return errBoom }))
		at := time.Unix(1_700_000_000, 0)
		body := []byte{0, 1, 2, 0xff}
		b.publish("some.key", body, broker.WithContentType("application/x-odd"), broker.WithMessageID("id-1"),
			broker.WithProperties(broker.Properties{Timestamp: at, Type: "kind", AppID: "app"}), broker.WithCorrelationID("corr-1"), broker.WithPriority(3), broker.WithReplyTo("reply"), broker.WithExpiration(time.Hour),
			broker.WithHeaders(message.Headers{"tenant": "a", "n": int32(7), "odd": []any{int64(1), "two", nil}, "CC": []any{"other.key"}}))
		d := b.deadLetter()
		h := message.Headers(d.Headers)
		got := fmt.Sprint(string(d.Body), d.ContentType, d.MessageId, d.CorrelationId, d.Priority, d.Timestamp.Unix(), d.Type, d.ReplyTo, d.AppId,
			h["tenant"], h["n"], h["odd"])
		want := fmt.Sprint(string(body), "application/x-odd", "id-1", "corr-1", 3, at.Unix(), "kind", "reply", "app", "a", int32(7), []any{int64(1), "two", nil})
		if got != want {
			t.Errorf("the dead letter is\n%s\nwant\n%s", got, want)
		}
		for name, want := range map[string]string{
			record.HeaderExchange: b.exchange, record.HeaderRoutingKey: "some.key", record.HeaderQueue: b.queue.Name,
			record.HeaderError: "boom", record.HeaderErrorType: "*errors.errorString", record.HeaderExpiration: "3600000",
			record.HeaderHandler: "#", "CC": "",
		} {
			if got := h.String(name); got != want {
				t.Errorf("header %s is %q, want %q", name, got, want)
			}
		}
		if n, _ := h.Int(record.HeaderAttempt); n != 2 {
			t.Errorf("attempt %d, want 2", n)
		}
		if d.Expiration != "" {
			t.Errorf("the dead letter expires after %s ms, want never", d.Expiration)
		}
		if history := h.String(record.HeaderHistory); strings.Count(history, `"attempt"`) != 2 {
			t.Errorf("history %s, want two attempts", history)
		}
	})
}
