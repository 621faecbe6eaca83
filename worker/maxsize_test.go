package worker_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

// TestACopyOverTheBrokersLimitTakesNoSlot: messages that were published before the limit
// was lowered fail. The broker takes no copy of them, so it dead-letters them itself,
// and the messages behind them are handled.
func TestACopyOverTheBrokersLimitTakesNoSlot(t *testing.T) {
	t.Parallel()
	for name, failure := range map[string]error{"of a retry": errBoom, "of a dead letter": retry.Permanent(errBoom)} {
		rabbit.Run(t, name, func(t *testing.T) {
			node := rabbit.Start(t)
			b := newBenchAt(t, node.URL())
			b.queue.Concurrency = 2
			b.declare()
			for n := range 5 {
				b.publish("key", make([]byte, 2000), broker.WithMessageID(fmt.Sprint("large-", n)))
			}
			for range 10 {
				b.publish("key", make([]byte, 10))
			}
			node.LimitMessages(t, 1000)
			b.run(handler.Func(func(_ context.Context, m *message.Message) error {
				if len(m.Body) > 1000 {
					return failure
				}
				return nil
			}))
			b.verdicts(15)
			acked, dead := 0, 0
			for _, s := range b.settled() {
				switch {
				case s.Outcome.Verdict == worker.Ack:
					acked++
				case s.Outcome.Verdict == worker.DeadLetter && errors.Is(s.Outcome.Err, broker.ErrTooLarge):
					dead++
				}
			}
			if acked != 10 || dead != 5 {
				t.Errorf("%d acked and %d dead-lettered as too large, want 10 and 5", acked, dead)
			}
			b.eventually("the large messages are dead letters", func() bool { return b.depth(topology.DeadLetterQueue(b.queue.Name)) == 5 })
		})
	}
}

// TestAMessageWithoutACopyStaysInAQueueWithoutADeadLetterExchange: the broker would delete it if it was
// rejected. Its retries wait in the worker.
func TestAMessageWithoutACopyStaysInAQueueWithoutADeadLetterExchange(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		node := rabbit.Start(t)
		b := newBenchAt(t, node.URL())
		b.queue.OnlyArguments, b.queue.Arguments = true, message.Headers{"x-queue-type": "quorum"}
		b.queue.Concurrency = 2
		b.declare()
		b.publish("key", make([]byte, 2000), broker.WithMessageID("large"))
		b.publish("key", 1, broker.WithMessageID("small"))
		node.LimitMessages(t, 1000)
		var f failer
		r := b.run(handler.Func(func(ctx context.Context, m *message.Message) error {
			if m.ID == "small" {
				return nil
			}
			return f.Handle(ctx, m)
		}))
		b.eventually("the dead letter was not published", func() bool { return len(eventsOf[worker.HandOffFailed](b)) > 0 })
		f.want(t, "large 1", "large 2", "large 3")
		if err := r.finish(); err != nil {
			t.Error(err)
		}
		b.eventually("the message is in the queue", func() bool { return b.depth(b.queue.Name) == 1 })
	})
}

// declare declares what the queue needs, before any worker runs.
func (b *bench) declare() {
	b.t.Helper()
	session, err := amqp.Dial(b.t.Context(), amqp.Config(broker.Config{URL: b.url, Dial: rabbit.Dial}), "test")
	if err != nil {
		b.t.Fatal(err)
	}
	w := worker.New(worker.Config{})
	w.Queue(b.queue).Handle("#", handler.Func(func(context.Context, *message.Message) error { return nil }))
	if err := errors.Join(session.Declare(b.t.Context(), w.Topology()), session.Close()); err != nil {
		b.t.Fatal(err)
	}
}
