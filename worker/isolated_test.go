package worker_test

import (
	"testing"

	"github.com/warren-mq/warren/internal/rabbit"
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
