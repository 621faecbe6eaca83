package worker_test

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

// TestConflictingTopologyIsReportedWholeAndNothingIsDeclared is design §9.
func TestConflictingTopologyIsReportedWholeAndNothingIsDeclared(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		url, name := rabbit.URL(t), rabbit.Queue(t)
		ch := rabbit.Channel(t, url)
		short, plain, other, exchange := name+"-short", name+"-plain", name+"-other", name+"-events"
		declare(t, ch, short, amqp.Table{
			"x-queue-type": "classic", "x-dead-letter-exchange": topology.DeadLetterExchange,
			"x-dead-letter-routing-key": short, "x-max-priority": 3,
		})
		declare(t, ch, plain, amqp.Table{
			"x-queue-type": "quorum", "x-queue-leader-locator": topology.LeaderLocator, "x-dead-letter-exchange": topology.DeadLetterExchange,
			"x-dead-letter-routing-key": plain, "x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish", "x-delivery-limit": 7,
			"x-consumer-disconnected-timeout": topology.DisconnectedTimeout,
		})
		if err := ch.ExchangeDeclare(exchange, "fanout", true, false, false, false, nil); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := ch.ExchangeDelete(exchange, false, false); err != nil {
				t.Error(err)
			}
		})

		w := worker.New(worker.Config{Broker: broker.Config{URL: url, Dial: rabbit.Dial}, Logger: slog.New(slog.DiscardHandler)})
		w.Queue(worker.Queue{Name: other}).Handle("#", nothing)
		w.Queue(worker.Queue{Name: short, MaxPriority: 5}).Handle("#", nothing)
		w.Queue(worker.Queue{Name: plain, Exchange: exchange}).Handle("#", nothing)
		err := w.Run(t.Context())
		var got []string
		for _, c := range conflicts(err) {
			got = append(got, fmt.Sprintf("%s %s: %s is %s, wanted %s", c.Kind, c.Name, c.Argument, c.Current, c.Wanted))
		}
		slices.Sort(got)
		want := []string{
			fmt.Sprintf("exchange %s: type is fanout, wanted topic", exchange),
			fmt.Sprintf("queue %s: x-delivery-limit is 7, wanted 20", plain),
			fmt.Sprintf("queue %s: x-max-priority is 3, wanted 5", short),
		}
		if !slices.Equal(got, want) {
			t.Errorf("conflicts are\n%s\nwant\n%s\nin %v", strings.Join(got, "\n"), strings.Join(want, "\n"), err)
		}
		for _, q := range []string{other, topology.DeadLetterQueue(other), topology.ParkingQueue(other), topology.DeadLetterQueue(short), topology.ParkingQueue(short)} {
			if exists(t, url, q) {
				t.Errorf("queue %s was declared, want nothing changed", q)
			}
		}
	})
}

// TestHealthReportsAConflictWhileRunning: someone replaces the queue. It is no
// reason to stop, since other queues have work to do.
func TestHealthReportsAConflictWhileRunning(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		r := b.run(nothing)
		r.sub.Pause() // RabbitMQ 3.10 does not survive that a queue is deleted while it is declared
		b.eventually("it is paused", func() bool { return r.sub.Health().State == worker.StatePaused })
		ch := rabbit.Channel(t, b.url)
		if _, err := ch.QueueDelete(b.queue.Name, false, false, false); err != nil {
			t.Fatal(err)
		}
		// Exclusive to a connection of ours: the worker can neither declare nor consume it.
		if _, err := ch.QueueDeclare(b.queue.Name, false, true, false, false, nil); err != nil {
			t.Fatal(err)
		}
		r.sub.Resume()
		b.eventually("the health says why", func() bool {
			h := r.sub.Health()
			c, ok := errors.AsType[*topology.ConflictError](h.Err)
			return h.State == worker.StateIdle && (ok && c.Name == b.queue.Name || h.Err != nil && strings.Contains(h.Err.Error(), "RESOURCE_LOCKED"))
		})
		if _, err := ch.QueueDelete(b.queue.Name, false, false, false); err != nil {
			t.Fatal(err)
		}
		b.eventually("it consumes again", func() bool { return r.worker.Health().Ready })
		b.publish("key", 1)
		b.verdicts(1)
	})
}

// TestAQueueThatIsAnothersDeadLetterQueueIsAFault: both would be declared under one
// name, with other arguments, so that one of them can never be opened.
func TestAQueueThatIsAnothersDeadLetterQueueIsAFault(t *testing.T) {
	t.Parallel()
	w := worker.New(worker.Config{Broker: broker.Config{URL: "amqp://127.0.0.1:1", StartupTimeout: 1}, Logger: slog.New(slog.DiscardHandler)})
	w.Queue(worker.Queue{Name: "welcome"}).Handle("#", nothing)
	w.Queue(worker.Queue{Name: topology.DeadLetterQueue("welcome")}).Handle("#", nothing)
	if err := w.Run(t.Context()); err == nil || errors.Is(err, broker.ErrNotConnected) || !strings.Contains(err.Error(), "welcome.dlq") {
		t.Errorf("Run returned %v, want a fault that names welcome.dlq, before anything is connected", err)
	}
}

func conflicts(err error) (all []*topology.ConflictError) {
	joined, ok := errors.AsType[interface {
		error
		Unwrap() []error
	}](err)
	if !ok {
		if c, ok := errors.AsType[*topology.ConflictError](err); ok {
			all = append(all, c)
		}
		return all
	}
	for _, e := range joined.Unwrap() {
		all = append(all, conflicts(e)...)
	}
	return all
}

// declare makes a durable queue that is deleted when the test ends.
func declare(t *testing.T, ch *amqp.Channel, queue string, args amqp.Table) {
	t.Helper()
	if _, err := ch.QueueDeclare(queue, true, false, false, false, args); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := ch.QueueDelete(queue, false, false, false); err != nil {
			t.Error(err)
		}
	})
}

func exists(t *testing.T, url, queue string) bool {
	t.Helper()
	_, err := rabbit.Channel(t, url).QueueDeclarePassive(queue, true, false, false, false, nil)
	if e, ok := errors.AsType[*amqp.Error](err); err != nil && (!ok || e.Code != amqp.NotFound) {
		t.Fatal(err)
	}
	return err == nil
}
