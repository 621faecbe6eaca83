package warrentest

import (
	"context"
	"testing"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/batch"
	"github.com/warren-mq/warren/message"
)

// HandleBatch calls h with a batch of messages in their first attempt, without a broker, and
// returns the error of each message, or nil. A body is encoded as Handle does. If it cannot be decoded,
// its message has that error and is not in the batch. After an error that is not a
// handler.BatchError, h is called with parts of the batch until each message has its own result.
// HandleBatch does not recover panics. It has no retries, middleware or timeouts: use Run to
// test these.
func HandleBatch(tb testing.TB, h handler.BatchHandler, bodies ...any) []error {
	tb.Helper()
	contexts, messages := make([]context.Context, 0, len(bodies)), make([]*message.Message, 0, len(bodies))
	for _, body := range bodies {
		m := &message.Message{Attempt: 1}
		encode(tb, m, body)
		contexts, messages = append(contexts, message.NewContext(tb.Context(), m)), append(messages, m)
	}
	c := batch.Collector{
		Handler: h,
		Last:    func(int) bool { return true },
		Call:    func(f func() error) error { return f() },
		Begin: func(ctx context.Context, _ []context.Context) (context.Context, func(error)) {
			return ctx, func(error) {}
		},
	}
	return c.HandleAll(contexts, messages)
}
