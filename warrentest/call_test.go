package warrentest_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/warrentest"
	"github.com/warren-mq/warren/worker"
)

type notFoundError struct{}

func (notFoundError) Error() string  { return "no such customer" }
func (notFoundError) Reason() string { return "not_found" }

// TestCallReturnsWhatACallOfABrokerReturns: the same handler and request in both ways.
func TestCallReturnsWhatACallOfABrokerReturns(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		fn      func(n int) (any, error)
		request any
		want    string // of the error; empty for a reply
	}{
		{"a reply", func(n int) (any, error) { return n * n, nil }, 7, ""},
		{"an error", func(int) (any, error) { return nil, errors.New("busy") }, 7, "error: busy"},
		{"a permanent error", func(int) (any, error) { return nil, retry.Permanent(errors.New("closed")) }, 7, "permanent: closed"},
		{"an error with a reason", func(int) (any, error) { return nil, retry.Permanent(notFoundError{}) }, 7, "not_found: no such customer"},
		{"a discarded request", func(int) (any, error) { return nil, retry.Discard(retry.Permanent(errors.New("not wanted"))) }, 7, "error: not wanted"},
		{"a bad request", func(n int) (any, error) { return n, nil }, "seven", "decode: handler: decode"},
		{"a reply of another type", func(int) (any, error) { return "text", nil }, 7, "handler: decode"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := handler.Replies(func(_ context.Context, n int) (any, error) { return tt.fn(n) })
			got, err := warrentest.Call[int](t, h, tt.request)
			overBroker, brokerErr := callOverBroker(t, h, tt.request)
			if got != overBroker || remote(err) != remote(brokerErr) {
				t.Errorf("got %d, %v; over a broker %d, %v", got, err, overBroker, brokerErr)
			}
			if (err == nil) != (tt.want == "") || !strings.Contains(text(err), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// remote returns the *broker.RemoteError in err, or its text.
func remote(err error) any {
	if e, ok := errors.AsType[*broker.RemoteError](err); ok {
		return *e
	}
	return text(err)
}

// callOverBroker calls the handler in a worker whose messages have one attempt.
func callOverBroker(t *testing.T, h handler.Handler, request any) (int, error) {
	t.Helper()
	b := warrentest.NewBroker(t)
	warrentest.Run(t, emailer(b, h.Handle, func(q *worker.Queue) { q.Retry.MaxAttempts = 1 }))
	pub := broker.NewPublisher(b.Config(), "events")
	defer func() {
		if err := pub.Close(); err != nil {
			t.Error(err)
		}
	}()
	return broker.Call[int](t.Context(), pub, "calls", request)
}

func TestCallGivesTheHandlerItsMessage(t *testing.T) {
	t.Parallel()
	h := handler.ReplyFunc(func(ctx context.Context, m *message.Message) (*message.Message, error) {
		return &message.Message{Body: []byte(`"` + message.FromContext(ctx).Headers.String("tenant") + `"`), ContentType: "application/json"}, nil
	})
	got, err := warrentest.Call[string](t, h, 1, func(m *message.Message) { m.Headers = message.Headers{"tenant": "acme"} })
	if got != "acme" || err != nil {
		t.Errorf("got %q, %v; want the tenant", got, err)
	}
}

func TestCallOfAHandlerThatDoesNotReplyFails(t *testing.T) {
	t.Parallel()
	silent := handler.Typed(func(context.Context, int) error { return nil })
	wantFailure(t, func(tb testing.TB) { _, _ = warrentest.Call[int](tb, silent, 1) }, "the handler has not replied")
}
