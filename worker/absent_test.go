package worker_test

import (
	"context"
	"errors"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	fleetwire "github.com/warren-mq/warren/internal/amqp/fleet"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/worker"
)

// TestAQueueThatIsReplacedIsNotDeclared until it is resumed: a migration deletes the queue and
// its bindings, and a worker that declared them again would double messages.
func TestAQueueThatIsReplacedIsNotDeclared(t *testing.T) {
	rabbit.Waits(t, "35 seconds in which the bindings could be declared again")
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		o := b.operate(b.url)
		r := b.run(nothing, inFleet)
		o.must(fleetwire.Command{Name: fleetwire.Pause, Queue: b.queue.Name, Absent: true})
		if _, err := b.channel.QueueDelete(b.queue.Name, false, false, false); err != nil {
			t.Fatal(err)
		}
		// A message of the worker's own publisher that finds no queue asks for the declaration.
		if err := r.worker.Publisher(b.exchange).Publish(t.Context(), "key", 1); !errors.Is(err, broker.ErrUnroutable) {
			t.Errorf("Publish returned %v, want ErrUnroutable", err)
		}
		<-time.After(35 * time.Second)
		_, err := rabbit.Channel(t, b.url).QueueDeclarePassive(b.queue.Name, true, false, false, false, nil)
		if e := new(amqp.Error); !errors.As(err, &e) || e.Code != amqp.NotFound {
			t.Errorf("the declaration of the queue returned %v, want 404", err)
		}
		if s := r.sub.Health().State; s != worker.StatePaused {
			t.Errorf("the queue is %v, want paused", s)
		}
		o.must(fleetwire.Command{Name: fleetwire.Resume, Queue: b.queue.Name})
		if err := b.pub.Publish(t.Context(), "key", 1); err != nil {
			t.Errorf("after the resume Publish returned %v", err)
		}
	})
}

// TestARetryWaitsWhileItsQueueIsReplaced: RabbitMQ confirms what is published to a classic queue at
// the moment of its deletion, and drops it.
func TestARetryWaitsWhileItsQueueIsReplaced(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.queue.Retry.InitialInterval = time.Second
		o := b.operate(b.url)
		failing := make(chan struct{})
		attempts := make(chan int, 10)
		b.run(handler.Func(func(_ context.Context, m *message.Message) error {
			attempts <- m.Attempt
			if m.Attempt == 1 {
				close(failing)
				return errBoom
			}
			return nil
		}), inFleet)
		b.publish("key", 1)
		<-failing
		o.must(fleetwire.Command{Name: fleetwire.Pause, Queue: b.queue.Name, Absent: true})
		<-time.After(5 * time.Second) // the retry was due 4 s ago
		if n := rabbit.Depth(t, b.channel, b.queue.Name); n > 0 || len(attempts) != 1 {
			t.Errorf("%d messages are in the queue after %d attempts, want none after one", n, len(attempts))
		}
		o.must(fleetwire.Command{Name: fleetwire.Resume, Queue: b.queue.Name})
		b.eventually("the second attempt", func() bool { return len(attempts) == 2 })
	})
}
