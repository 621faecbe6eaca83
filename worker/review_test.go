package worker_test

import (
	"context"
	"strings"
	"testing"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/worker"
)

// TestACopyThatCannotBeWrittenFreesItsHand: a handler that spoils the headers gets
// its message dead-lettered by the broker, and the next message its turn.
func TestACopyThatCannotBeWrittenFreesItsHand(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.run(handler.Func(func(_ context.Context, m *message.Message) error {
		m.Headers["seen"] = uint64(1) // AMQP has no such type
		return errBoom
	}))
	b.publish("key", 1, broker.WithHeader("h", "v"))
	if got := b.verdicts(1); got[0] != worker.DeadLetter {
		t.Errorf("verdict %v, want dead-letter", got[0])
	}
	if d := b.deadLetter(); d.Headers["x-first-death-reason"] != "rejected" {
		t.Errorf("headers %v, want the broker's own record", d.Headers)
	}
}

// TestAQueueWithoutAnExchangeNeedsAHandlerForItsName: nothing else reaches it.
func TestAQueueWithoutAnExchangeNeedsAHandlerForItsName(t *testing.T) {
	t.Parallel()
	w := worker.New(worker.Config{})
	q := w.Queue(worker.Queue{Name: "lonely"})
	q.Handle("user.signed_up", handler.Func(func(context.Context, *message.Message) error { return nil }))
	err := w.Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), `queue "lonely" has no Exchange`) {
		t.Errorf("Run returned %v, want the missing exchange", err)
	}
}
