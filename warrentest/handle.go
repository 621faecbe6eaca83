package warrentest

import (
	"context"
	"testing"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/emit"
	"github.com/warren-mq/warren/message"
)

// Handle calls h with a message, as a worker does in the first attempt, without a broker. It
// returns the error of h, or the error of decoding the body. The message has body as JSON, or
// unchanged if it is a []byte; change may modify the message before the call, and
// message.FromContext returns it. Handle does not recover panics. It has no retries, middleware
// or timeouts: use Run to test these. Messages that h emits are dropped; HandleEmits returns them.
func Handle(tb testing.TB, h handler.Handler, body any, change ...func(*message.Message)) error {
	tb.Helper()
	_, err := HandleEmits(tb, h, body, change...)
	return err
}

// HandleEmits calls h as Handle does, and returns the messages that h emits by
// broker.Publisher.Emit, in order. They are not published, and a publisher without a connection
// is enough. If h returns an error there are none, as in a worker.
func HandleEmits(tb testing.TB, h handler.Handler, body any, change ...func(*message.Message)) (emitted []*message.Message, err error) {
	tb.Helper()
	m := &message.Message{Attempt: 1}
	encode(tb, m, body)
	for _, f := range change {
		f(m)
	}
	c := emit.New(emit.Origin{MessageID: m.ID, Queue: m.Queue, Handler: m.RoutingKey})
	err = h.Handle(context.WithValue(message.NewContext(tb.Context(), m), emit.Key{}, c), m)
	if emitted = c.Close(); err != nil {
		return nil, err
	}
	return emitted, nil
}

func encode(tb testing.TB, m *message.Message, body any) {
	tb.Helper()
	if raw, ok := body.([]byte); ok {
		m.Body, m.ContentType = raw, handler.Raw().ContentType()
		return
	}
	data, err := handler.JSON().Marshal(body)
	if err != nil {
		tb.Fatalf("warrentest: encode %T: %v", body, err)
	}
	m.Body, m.ContentType = data, handler.JSON().ContentType()
}
