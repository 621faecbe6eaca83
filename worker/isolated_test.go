package worker_test

import (
	"context"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/worker"
)

// TestAMessageHandledAloneIsAnEvent: the broker has counted two deliveries without an
// outcome for the first message, and none for the second.
func TestAMessageHandledAloneIsAnEvent(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.queue.Concurrency = 4
		if err := b.run(nothing).finish(); err != nil { // it has declared the queue
			t.Fatal(err)
		}
		b.publish("poison", 1)
		for range 2 {
			loseFirst(b)
		}
		b.publish("innocent", 2)
		b.run(nothing)
		b.verdicts(2)
		alone := isolated(b)
		if len(alone) != 1 || alone[0].Queue != b.queue.Name || alone[0].RoutingKey != "poison" || alone[0].DeliveryCount != 2 {
			t.Errorf("events of isolation: %+v, want one, for the key poison after 2 deliveries", alone)
		}
	})
}

// loseFirst takes the first message of the queue and loses the connection with it in hand.
func loseFirst(b *bench) {
	b.t.Helper()
	conn := rabbit.Connect(b.t, b.url)
	ch, err := conn.Channel()
	if err != nil {
		b.t.Fatal(err)
	}
	deliveries, err := ch.Consume(b.queue.Name, "", false, false, false, false, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	<-deliveries
	if err := conn.Close(); err != nil {
		b.t.Error(err)
	}
	b.eventually("the broker has it back", func() bool { return b.depth(b.queue.Name) == 1 })
}

func isolated(b *bench) []worker.Isolated {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []worker.Isolated
	for _, e := range b.events {
		if i, ok := e.(worker.Isolated); ok {
			all = append(all, i)
		}
	}
	return all
}

// TestASuspectedMessageCostsItsNeighboursNoDelivery: they wait while it is handled. Requeued, they
// would be suspected too, and be dead letters after a few turns.
func TestASuspectedMessageCostsItsNeighboursNoDelivery(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.queue.Concurrency, b.queue.Prefetch = 4, 8
		if err := b.run(nothing).finish(); err != nil { // it has declared the queue
			t.Fatal(err)
		}
		b.publish("suspect", 1)
		loseFirst(b)
		for _, key := range []string{"a", "b", "c"} {
			b.publish(key, 1)
		}
		requeueInOrder(b, "a", "suspect", "b", "c")
		var mu sync.Mutex
		delivered, running, together := map[string]int{}, 0, 0
		b.run(handler.Func(func(ctx context.Context, m *message.Message) error {
			mu.Lock()
			delivered[m.RoutingKey] = m.DeliveryCount
			if running++; m.RoutingKey != "a" { // which may be in hand beside the next consumer's first
				together = max(together, running)
			}
			mu.Unlock()
			<-time.After(20 * time.Millisecond)
			mu.Lock()
			running--
			mu.Unlock()
			return nil
		}))
		b.verdicts(4)
		mu.Lock()
		defer mu.Unlock()
		if want := map[string]int{"a": 1, "suspect": 2, "b": 1, "c": 1}; !maps.Equal(delivered, want) {
			t.Errorf("the deliveries before were %v, want %v", delivered, want)
		}
		if alone := isolated(b); len(alone) != 1 || together != 1 {
			t.Errorf("%d messages were suspected, and up to %d handled together with them; want 1, alone", len(alone), together)
		}
	})
}

// requeueInOrder receives the messages of the queue and rejects them in the order of the keys, in which
// the queue delivers them then.
func requeueInOrder(b *bench, keys ...string) {
	b.t.Helper()
	ch := rabbit.Channel(b.t, b.url)
	deliveries, err := ch.Consume(b.queue.Name, "requeue", false, false, false, false, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	tags := map[string]uint64{}
	for range keys {
		d := <-deliveries
		tags[d.RoutingKey] = d.DeliveryTag
	}
	if err := ch.Cancel("requeue", false); err != nil {
		b.t.Fatal(err)
	}
	for _, key := range keys {
		if err := ch.Reject(tags[key], true); err != nil {
			b.t.Fatal(err)
		}
	}
	b.eventually("the broker has them back", func() bool { return b.depth(b.queue.Name) == len(keys) })
}
