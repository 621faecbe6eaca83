package worker_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

// TestEachProcessGetsEveryMessageOfABroadcast, retries it by itself, and leaves no queue behind.
func TestEachProcessGetsEveryMessageOfABroadcast(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.queue.PerProcess = true
		var one, other failer
		first := b.run(&one)
		second := b.run(&other)
		b.publish("key", 1, broker.WithMessageID("m"))
		b.verdicts(6)
		one.want(t, "m 1", "m 2", "m 3")
		other.want(t, "m 1", "m 2", "m 3")
		names := map[string]bool{}
		for _, s := range b.settled() {
			names[s.Message.Queue] = true
		}
		b.eventually("both dead letters are in one queue", func() bool { return b.depth(topology.DeadLetterQueue(b.queue.Name)) == 2 })
		for _, r := range []*running{first, second} {
			if err := r.finish(); err != nil {
				t.Fatal(err)
			}
		}
		if len(names) != 2 {
			t.Errorf("the queues are %v, want 2", names)
		}
		for name := range names {
			b.eventually("queue "+name+" is deleted", func() bool { return !exists(t, b.url, name) })
		}
		if exists(t, b.url, topology.ParkingQueue(b.queue.Name)) {
			t.Error("there is a parking queue, want none")
		}
	})
}

// TestAQueueIsBoundToSeveralExchanges.
func TestAQueueIsBoundToSeveralExchanges(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		other := b.exchange + "-other"
		ch := rabbit.Channel(t, b.url)
		if err := ch.ExchangeDeclare(other, "direct", true, false, false, false, nil); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_, err := ch.QueueDelete(topology.ExchangeParking(other), false, false, false)
			if err != nil {
				t.Error(err)
			}
			if err := ch.ExchangeDelete(other, false, false); err != nil {
				t.Error(err)
			}
		})
		b.queue.Bindings = []topology.Binding{{Exchange: other, Key: "here"}}
		got := make(chan string, 3)
		b.run(handler.Func(func(_ context.Context, m *message.Message) error {
			got <- m.Exchange + " " + m.RoutingKey
			return nil
		}))
		pub := broker.NewPublisher(broker.Config{URL: b.url, Dial: rabbit.Dial}, other)
		t.Cleanup(func() {
			if err := pub.Close(); err != nil {
				t.Error(err)
			}
		})
		b.publish("key", 1)
		if at := <-got; at != b.exchange+" key" {
			t.Errorf("got %s", at)
		}
		for _, opts := range [][]broker.Option{nil, {broker.WithDelay(50_000_000)}} {
			if err := pub.Publish(t.Context(), "here", 1, opts...); err != nil {
				t.Fatal(err)
			}
			if at := <-got; at != other+" here" {
				t.Errorf("got %s", at)
			}
		}
	})
}

// TestConsumerArgumentsReachTheBroker: with x-priority one consumer gets what it can take.
func TestConsumerArgumentsReachTheBroker(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.queue.ConsumerArguments = message.Headers{"x-priority": 10}
		var preferred, others failer
		b.run(handler.Func(func(ctx context.Context, m *message.Message) error { _ = preferred.Handle(ctx, m); return nil }))
		b.queue.ConsumerArguments = nil
		b.run(handler.Func(func(ctx context.Context, m *message.Message) error { _ = others.Handle(ctx, m); return nil }))
		for range 5 {
			n := len(b.settled()) + 1
			b.publish("key", 1)
			b.verdicts(n)
		}
		if len(others.all()) > 0 {
			t.Errorf("the other consumer got %d of 5 messages, want none", len(others.all()))
		}
	})
}

// TestQueuesShareADeadLetterQueue if they agree on its settings.
func TestQueuesShareADeadLetterQueue(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		a, b topology.DeadLetters
		want bool
	}{
		"the same settings": {topology.DeadLetters{Queue: "all", MaxLength: 5}, topology.DeadLetters{Queue: "all", MaxLength: 5}, true},
		"other settings":    {topology.DeadLetters{Queue: "all", MaxLength: 5}, topology.DeadLetters{Queue: "all"}, false},
		"the default overflow": {
			topology.DeadLetters{Queue: "all", MaxLength: 5}, topology.DeadLetters{Queue: "all", MaxLength: 5, Overflow: "reject-publish"}, true,
		},
		"the default of one": {topology.DeadLetters{Queue: "second.dlq"}, topology.DeadLetters{}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := worker.New(worker.Config{Broker: broker.Config{URL: "amqp://127.0.0.1:1", StartupTimeout: 1}, Logger: slog.New(slog.DiscardHandler)})
			w.Queue(worker.Queue{Name: "first", DeadLetters: tt.a}).Handle("#", nothing)
			w.Queue(worker.Queue{Name: "second", DeadLetters: tt.b}).Handle("#", nothing)
			err := w.Run(t.Context())
			if refused := strings.Contains(err.Error(), "has other settings"); refused == tt.want {
				t.Errorf("Run returned %v; want the queues to share it: %v", err, tt.want)
			}
		})
	}
}
