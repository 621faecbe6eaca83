package worker_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/worker"
)

// decompress is a middleware that passes on a changed copy of the message.
func decompress(next handler.Handler) handler.Handler {
	return handler.Func(func(ctx context.Context, m *message.Message) error {
		r, err := gzip.NewReader(bytes.NewReader(m.Body))
		if err != nil {
			return err
		}
		changed := *m
		if changed.Body, err = io.ReadAll(r); err != nil {
			return err
		}
		return next.Handle(ctx, &changed)
	})
}

func compressed(t *testing.T, body string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, body); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestHandlersGetTheMessageThatMiddlewarePassesOn: a middleware that decompresses into a
// changed copy is obeyed for typed and plain handlers alike.
func TestHandlersGetTheMessageThatMiddlewarePassesOn(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		handler func(got chan<- string) handler.Handler
	}{
		{"a typed handler", func(got chan<- string) handler.Handler {
			return handler.Typed(func(_ context.Context, s string) error { got <- s; return nil })
		}},
		{"a plain handler", func(got chan<- string) handler.Handler {
			return handler.Func(func(_ context.Context, m *message.Message) error { got <- string(bytes.Trim(m.Body, `"`)); return nil })
		}},
	} {
		rabbit.Run(t, tt.name, func(t *testing.T) {
			b := newBench(t)
			b.queue.Middleware = []handler.Middleware{decompress}
			got := make(chan string, 1)
			b.run(tt.handler(got))
			b.publish("key", compressed(t, `"hello"`), broker.WithContentType("application/json"))
			if text := <-got; text != "hello" {
				t.Errorf("the handler got %q, want hello", text)
			}
		})
	}
}

// TestTheBodyLimitHoldsForWhatMiddlewarePassesOn, so that a small body cannot unfold into
// one that is over the limit.
func TestTheBodyLimitHoldsForWhatMiddlewarePassesOn(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.queue.MaxBodyBytes = 1000
		b.queue.Middleware = []handler.Middleware{decompress}
		b.run(handler.Func(func(context.Context, *message.Message) error { return nil }))
		b.publish("key", compressed(t, string(make([]byte, 5000))))
		if reason := message.Headers(b.deadLetter().Headers).String(record.HeaderReason); reason != message.ReasonDecode {
			t.Errorf("reason %q, want %q", reason, message.ReasonDecode)
		}
	})
}

// TestMiddlewareSeesWhyAMessageCannotBeHandled as the error that the chain returns. No
// handler runs, no attempt is spent, and the message is a dead letter at once.
func TestMiddlewareSeesWhyAMessageCannotBeHandled(t *testing.T) {
	t.Parallel()
	typed := handler.Typed(func(context.Context, string) error { return errors.New("the handler ran") }, handler.WithValidate(notEmpty))
	for _, tt := range []struct {
		name, body, reason string
		is                 func(error) bool
	}{
		{"a body that does not decode", `{`, message.ReasonDecode, is[*handler.DecodeError]},
		{"a payload that is not valid", `""`, message.ReasonInvalid, is[*handler.InvalidError]},
		{"a body over the limit", `"` + strings.Repeat("x", 100) + `"`, message.ReasonDecode, is[*worker.TooLargeError]},
	} {
		rabbit.Run(t, tt.name, func(t *testing.T) {
			b := newBench(t)
			b.queue.MaxBodyBytes = 100
			seen := make(chan error, quick.MaxAttempts)
			b.queue.Middleware = []handler.Middleware{func(next handler.Handler) handler.Handler {
				return handler.Func(func(ctx context.Context, m *message.Message) error {
					err := next.Handle(ctx, m)
					seen <- err
					return err
				})
			}}
			b.run(typed)
			b.publish("key", []byte(tt.body), broker.WithContentType("application/json"))
			if err := <-seen; !tt.is(err) {
				t.Errorf("the middleware saw %T: %v", err, err)
			}
			if reason := message.Headers(b.deadLetter().Headers).String(record.HeaderReason); reason != tt.reason {
				t.Errorf("reason %q, want %q", reason, tt.reason)
			}
			b.verdicts(1)
			if s := b.settled()[0]; s.Outcome.Verdict != worker.DeadLetter || s.Outcome.Spent {
				t.Errorf("got %+v, want a dead letter that spent no attempt", s.Outcome)
			}
		})
	}
}

// notEmpty refuses an empty text.
func notEmpty(v any) error {
	if v == "" {
		return errors.New("the text is empty")
	}
	return nil
}

// is reports whether err is an E, or wraps one.
func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// TestUnknownRoutingKeysAreRetried by the policy before they are dead-lettered: during a
// rolling deployment the newer process may have the handler.
func TestUnknownRoutingKeysAreRetried(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.runMux(map[string]handler.Handler{"order.placed": handler.Func(func(context.Context, *message.Message) error { return nil })})
		// Bound by hand, as the newer process does.
		if err := b.channel.QueueBind(b.queue.Name, "order.lost", b.exchange, false, nil); err != nil {
			t.Fatal(err)
		}
		b.publish("order.lost", 1)
		h := message.Headers(b.deadLetter().Headers)
		if n, _ := h.Int(record.HeaderAttempt); n != int64(quick.MaxAttempts) || h.String(record.HeaderReason) != message.ReasonUnhandled {
			t.Errorf("dead after attempt %d for reason %q, want %d and %q", n, h.String(record.HeaderReason), quick.MaxAttempts, message.ReasonUnhandled)
		}
		for _, s := range b.settled() {
			if !s.Outcome.Spent {
				t.Errorf("%v spent no attempt", s.Outcome)
			}
		}
	})
}

type runKey struct{}

// TestHandlersSeeTheValuesOfRunsContext and not its end.
func TestHandlersSeeTheValuesOfRunsContext(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		w := worker.New(worker.Config{Broker: broker.Config{URL: b.url, Dial: rabbit.Dial}})
		w.Watch(b.record)
		entered, finish := make(chan any, 1), make(chan struct{})
		w.Queue(b.queue).Handle("#", handler.Func(func(ctx context.Context, _ *message.Message) error {
			entered <- ctx.Value(runKey{})
			<-finish
			return ctx.Err()
		}))
		ctx, stop := context.WithCancel(context.WithValue(t.Context(), runKey{}, "value"))
		defer stop()
		ended := make(chan error, 1)
		go func() { ended <- w.Run(ctx) }()
		<-w.Ready()
		b.publish("key", 1)
		if v := <-entered; v != "value" {
			t.Errorf("the handler sees %v, want the value", v)
		}
		stop()
		close(finish)
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		if v := b.verdicts(1)[0]; v != worker.Ack {
			t.Errorf("the verdict is %v, want ack: the end of Run's context is not the handler's", v)
		}
	})
}

// TestAHandlerIsCancelledWhenItsDeliveryIsLost with ErrStale as the cause. No attempt is
// spent, and what it returns is dropped.
func TestAHandlerIsCancelledWhenItsDeliveryIsLost(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		proxy := rabbit.NewProxy(t, rabbit.URL(t))
		b := newBench(t)
		b.url = proxy.URL()
		b.queue.Retry.MaxAttempts = 1 // a failure that counts would be a dead letter
		entered, causes := make(chan struct{}, 2), make(chan error, 2)
		b.run(handler.Func(func(ctx context.Context, m *message.Message) error {
			entered <- struct{}{}
			if m.Redelivered {
				return nil
			}
			<-ctx.Done()
			causes <- context.Cause(ctx)
			return ctx.Err()
		}))
		b.publish("key", 1)
		<-entered
		proxy.Cut()
		if cause := <-causes; !errors.Is(cause, broker.ErrStale) {
			t.Errorf("the cause is %v, want ErrStale", cause)
		}
		proxy.Restore(t)
		<-entered
		verdicts := b.verdicts(2)
		first := b.settled()[0]
		if verdicts[0] != worker.Release || first.Outcome.Spent || !errors.Is(first.SettleErr, broker.ErrStale) || verdicts[1] != worker.Ack {
			t.Errorf("got %v and %+v, want a release that spends nothing, then an ack", verdicts, first)
		}
	})
}
