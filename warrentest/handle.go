package warrentest

import (
	"testing"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
)

// Handle calls h with a message, as a worker does in the first attempt, without a broker. It
// returns the error of h, or the error of decoding the body. The message has body as JSON, or
// unchanged if it is a []byte; change may modify the message before the call, and
// message.FromContext returns it. Handle does not recover panics. It has no retries, middleware
// or timeouts: use Run to test these.
func Handle(tb testing.TB, h handler.Handler, body any, change ...func(*message.Message)) error {
	tb.Helper()
	m := &message.Message{Attempt: 1}
	encode(tb, m, body)
	for _, f := range change {
		f(m)
	}
	return h.Handle(message.NewContext(tb.Context(), m), m)
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
