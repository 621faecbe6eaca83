package worker_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/worker"
)

// TestNeverSilentlyIdle is promise 3: whatever ends a consumer, the queue consumes
// again with its prefetch, and meanwhile says why it does not.
func TestNeverSilentlyIdle(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		fault func(t *testing.T, node rabbit.Node, b *bench)
		mend  func(t *testing.T, node rabbit.Node)
		why   string // part of the reason while it is down; not looked for if empty
	}{
		{"the broker closes the connection", func(t *testing.T, node rabbit.Node, _ *bench) { node.CloseConnections(t, "test") }, nil, ""},
		{"the queue is deleted", func(t *testing.T, _ rabbit.Node, b *bench) {
			if _, err := rabbit.Channel(t, b.url).QueueDelete(b.queue.Name, false, false, false); err != nil {
				t.Fatal(err)
			}
		}, nil, ""},
		{
			"the broker stops and starts", func(t *testing.T, node rabbit.Node, _ *bench) { node.Stop(t) },
			func(t *testing.T, node rabbit.Node) { node.Restart(t) }, "consuming connection",
		},
	}
	for _, tt := range tests {
		runWithNode(t, tt.name, func(t *testing.T, node rabbit.Node) {
			b := newBenchAt(t, node.URL())
			b.queue.Concurrency, b.queue.Prefetch = 3, 7
			g := newGate()
			r := b.run(g)
			tt.fault(t, node, b)
			if tt.why != "" {
				b.eventually("the health says why", func() bool {
					h := r.worker.Health()
					return !h.Ready && strings.Contains(strings.Join(h.Reasons, "\n"), tt.why)
				})
			}
			if tt.mend != nil {
				tt.mend(t, node)
			}
			b.eventually("the loss was noticed", func() bool { return wasIdle(b) })
			b.eventually("the worker is ready again", func() bool { return r.worker.Health().Ready })
			b.channel = rabbit.Channel(t, node.URL())
			b.eventually("a message can be published", func() bool { return b.pub.Publish(t.Context(), "key", 0) == nil })
			for i := range 9 {
				b.publish("key", i)
			}
			b.eventually("all but the prefetch wait in the queue, and the first message, which came alone", func() bool {
				return b.depth(b.queue.Name) == 10-7-1
			})
			close(g.let)
			b.verdicts(10)
		})
	}
}

// wasIdle says whether the queue was seen not consuming after it had begun to.
func wasIdle(b *bench) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	consumed := false
	for _, e := range b.events {
		s, ok := e.(worker.StateChanged)
		if !ok {
			continue
		}
		if consumed && s.State == worker.StateIdle {
			return true
		}
		consumed = consumed || s.State == worker.StateConsuming
	}
	return false
}

// TestConsumerTimeoutLeadsBackToConsuming is promise 3: the broker closes the channel
// and takes a message back from a handler that is too slow, and the worker goes on.
func TestConsumerTimeoutLeadsBackToConsuming(t *testing.T) {
	withNode(t, func(t *testing.T, node rabbit.Node) {
		node.ConsumerTimeout(t, time.Second)
		b := newBenchAt(t, node.URL())
		enter, leave := make(chan bool, 10), make(chan struct{})
		r := b.run(handler.Func(func(_ context.Context, m *message.Message) error {
			if string(m.Body) == "0" { // the first one comes alone, over a channel of its own
				return nil
			}
			enter <- m.Redelivered
			if !m.Redelivered {
				<-leave
			}
			return nil
		}))
		b.publish("key", 0)
		b.verdicts(1)
		b.publish("key", 1)
		<-enter
		b.eventually("the broker ends the consumer", func() bool { return wasIdle(b) })
		b.eventually("the worker consumes again", func() bool { return r.worker.Health().Ready })
		close(leave)
		if redelivered := <-enter; !redelivered {
			t.Error("the message came again, not marked as redelivered")
		}
		b.eventually("it is done", func() bool { return b.depth(b.queue.Name) == 0 && len(b.settled()) == 3 })
	})
}
