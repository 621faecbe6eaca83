package worker_test

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/worker"
)

// TestHandlersPublishOverTheWorkersConnection: to several exchanges, before and after a
// loss, and without a connection of their own.
func TestHandlersPublishOverTheWorkersConnection(t *testing.T) {
	t.Parallel()
	node := rabbit.Start(t)
	b := newBenchAt(t, node.URL())
	var dials atomic.Int32
	counting := func(c *worker.Config) {
		c.Broker.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			dials.Add(1)
			return rabbit.Dial(ctx, network, address)
		}
	}
	var events, queues *broker.Publisher
	failed := make(chan error, 10)
	r := b.runWith(func(w *worker.Worker) {
		events, queues = w.Publisher(b.exchange), w.Publisher("")
	}, map[string]handler.Handler{
		"first": handler.Func(func(ctx context.Context, m *message.Message) error {
			failed <- errors.Join(events.Publish(ctx, "second", m.Body), queues.Publish(ctx, b.queue.Name, m.Body))
			return nil
		}),
		"second":     handler.Func(func(context.Context, *message.Message) error { return nil }),
		b.queue.Name: handler.Func(func(context.Context, *message.Message) error { return nil }),
	}, counting)
	for round := range 2 {
		b.publish("first", 1)
		if err := <-failed; err != nil {
			t.Errorf("in round %d the handler's publish returned %v, want nil", round, err)
		}
		b.verdicts(3 * (round + 1))
		if n := int(dials.Load()); n != 2*(round+1) {
			t.Errorf("%d connections were opened by round %d, want 2 for each: one consumes, one publishes", n, round)
		}
		if round == 0 {
			node.CloseConnections(t, "test")
			r.noticesLoss()
			b.eventually("the worker is ready again", func() bool { return r.worker.Health().Ready })
		}
	}
	if err := events.Close(); err != nil {
		t.Error(err)
	}
	if err := events.Publish(t.Context(), "second", 1); !errors.Is(err, broker.ErrClosed) {
		t.Errorf("Publish returned %v after Close, want ErrClosed", err)
	}
	if err := queues.Publish(t.Context(), b.queue.Name, 1); err != nil {
		t.Errorf("Publish returned %v after the other publisher's Close, want nil", err)
	}
	if err := r.finish(); err != nil {
		t.Error(err)
	}
	if err := queues.Publish(t.Context(), b.queue.Name, 1); !errors.Is(err, broker.ErrClosed) {
		t.Errorf("Publish returned %v after Run, want ErrClosed", err)
	}
}

// TestAWorkersPublisherWaitsForRun, for the publish timeout.
func TestAWorkersPublisherWaitsForRun(t *testing.T) {
	t.Parallel()
	w := worker.New(worker.Config{Broker: broker.Config{URL: "amqp://127.0.0.1:1/", PublishTimeout: 10 * time.Millisecond}})
	if err := w.Publisher("x").Publish(t.Context(), "key", 1); !errors.Is(err, broker.ErrNotConnected) {
		t.Errorf("Publish returned %v before Run, want ErrNotConnected", err)
	}
}
