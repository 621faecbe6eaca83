package worker_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

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
			b.eventually("the loss was noticed", func() bool { return wasIdle(b) })
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

// TestABodyOfAQueuedMessageStays: an exchange is deleted while messages are on their way to it. The
// broker refuses one of them and the confirms of others are lost, whose bodies stay in the store
// of their codec.
func TestABodyOfAQueuedMessageStays(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		url, queue := rabbit.URL(t), rabbit.Queue(t)
		ch := rabbit.Channel(t, url)
		if _, err := ch.QueueDeclare(queue, true, false, false, false, amqp.Table{"x-queue-type": "quorum"}); err != nil {
			t.Fatal(err)
		}
		defer func() { _, _ = ch.QueueDelete(queue, false, false, false) }()
		const rounds, publishers = 5, 20
		codec := unsent{handler.JSON(), make(chan string, rounds*publishers)}
		for round := range rounds {
			publishUntilDeleted(t, queue, round, publishers, codec)
		}
		if err := ch.Publish("", queue, false, false, amqp.Publishing{MessageId: "last"}); err != nil {
			t.Fatal(err)
		}
		received, err := ch.Consume(queue, "", true, false, false, false, nil)
		if err != nil {
			t.Fatal(err)
		}
		queued := make(map[string]bool)
		for d := range received {
			if d.MessageId == "last" {
				break
			}
			queued[d.RoutingKey] = true
		}
		close(codec.count)
		for key := range codec.count {
			if queued[key] {
				t.Errorf("message %s is in the queue, and its body was given back", key)
			}
		}
	})
}

// publishUntilDeleted publishes with n goroutines to an exchange until it is deleted.
func publishUntilDeleted(t *testing.T, queue string, round, n int, codec handler.Codec) {
	t.Helper()
	url, exchange := rabbit.URL(t), rabbit.Queue(t)
	ch := rabbit.Channel(t, url)
	err := ch.ExchangeDeclare(exchange, amqp.ExchangeFanout, true, false, false, false, nil)
	if err = errors.Join(err, ch.QueueBind(queue, "", exchange, false, nil)); err != nil {
		t.Fatal(err)
	}
	pub := broker.NewPublisher(broker.Config{URL: url, Dial: rabbit.Dial}, exchange)
	var all sync.WaitGroup
	confirmed := make(chan struct{}, 1)
	for i := range n {
		all.Go(func() {
			var err error
			for m := 0; err == nil; m++ {
				err = pub.Publish(t.Context(), fmt.Sprint(round, "-", i, "-", m), m, broker.WithCodec(codec))
				select {
				case confirmed <- struct{}{}:
				default:
				}
			}
			if !errors.Is(err, broker.ErrUnroutable) {
				t.Errorf("Publish returned %v, want ErrUnroutable", err)
			}
		})
	}
	<-confirmed
	err = ch.ExchangeDelete(exchange, false, false)
	all.Wait()
	if err = errors.Join(err, pub.Close()); err != nil {
		t.Error(err)
	}
}
