package worker_test

import (
	"context"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

// TestHealthNamesACopyThatIsNotConfirmed, with its cause, until it is.
func TestHealthNamesACopyThatIsNotConfirmed(t *testing.T) {
	rabbit.Waits(t, "10 seconds until the copy counts")
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		r := b.run(handler.Func(func(context.Context, *message.Message) error { return retry.Permanent(errBoom) }))
		fillDeadLetterQueue(b)
		b.publish("key", 1)
		b.eventually("the copy is refused", func() bool { return b.handOffsFailed() > 0 })
		began := time.Now()
		if h := r.worker.Health(); !h.Ready {
			t.Errorf("not ready at once: %q", h.Reasons)
		}
		b.eventually("the worker is not ready", func() bool { return !r.worker.Health().Ready })
		if took := time.Since(began); took < 8*time.Second {
			t.Errorf("not ready after %v, want about 10s", took)
		}
		h := r.worker.Health()
		if q := h.Queues[0]; q.Unconfirmed != 1 || q.CopyErr == nil {
			t.Errorf("%d copies are unconfirmed because of %v, want 1 and the cause", q.Unconfirmed, q.CopyErr)
		}
		for _, want := range []string{b.queue.Name, "1 copies", broker.ErrNacked.Error()} {
			if reasons := strings.Join(h.Reasons, "\n"); !strings.Contains(reasons, want) {
				t.Errorf("the reasons are %q, want %q among them", reasons, want)
			}
		}
		if _, err := b.channel.QueuePurge(topology.DeadLetterQueue(b.queue.Name), false); err != nil {
			t.Fatal(err)
		}
		b.eventually("the worker is ready again", func() bool { return r.worker.Health().Ready })
		b.verdicts(1)
	})
}

// fillDeadLetterQueue puts a full queue, which refuses more, in the place of the
// dead-letter queue.
func fillDeadLetterQueue(b *bench) {
	b.t.Helper()
	name := topology.DeadLetterQueue(b.queue.Name)
	if _, err := b.channel.QueueDelete(name, false, false, false); err != nil {
		b.t.Fatal(err)
	}
	full := amqp.Table{"x-max-length": 1, "x-overflow": "reject-publish"}
	if _, err := b.channel.QueueDeclare(name, true, false, false, false, full); err != nil {
		b.t.Fatal(err)
	}
	if err := b.channel.QueueBind(name, b.queue.Name, topology.DeadLetterExchange, false, nil); err != nil {
		b.t.Fatal(err)
	}
	if err := b.channel.PublishWithContext(b.t.Context(), "", name, false, false, amqp.Publishing{}); err != nil {
		b.t.Fatal(err)
	}
	b.eventually("the queue is full", func() bool { return b.depth(name) == 1 })
}

// handOffsFailed returns how many HandOffFailed events there were.
func (b *bench) handOffsFailed() (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.events {
		if _, ok := e.(worker.HandOffFailed); ok {
			n++
		}
	}
	return n
}
