package warrentest

import (
	"testing"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
)

// Handle has h handle a message as a worker would in its first attempt, without a
// broker, and returns what h returned, or why the body could not be decoded. The body
// is JSON of the value, or a []byte as it is; message.FromContext finds the message,
// which change may change before. A panic is the test's own. Retries, middleware and
// timeouts are the worker's: see Run.
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
