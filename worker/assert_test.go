package worker_test

import (
	"context"
	"errors"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

// replaceExchange deletes the exchange of b, and with it the queue's bindings, and declares
// it again, as another program may do.
func (b *bench) replaceExchange(kind string) {
	b.t.Helper()
	if err := b.channel.ExchangeDelete(b.exchange, false, false); err != nil {
		b.t.Fatal(err)
	}
	if err := b.channel.ExchangeDeclare(b.exchange, kind, true, false, false, false, nil); err != nil {
		b.t.Fatal(err)
	}
}

// TestBindingsThatOthersRemoveComeBack: the broker does not tell that they are gone.
func TestBindingsThatOthersRemoveComeBack(t *testing.T) {
	t.Parallel()
	rabbit.Waits(t, "30 seconds until the bindings are declared again")
	for name, paused := range map[string]bool{"a queue that consumes": false, "a queue that is paused": true} {
		rabbit.Run(t, name, func(t *testing.T) {
			b := newBench(t)
			r := b.run(nothing)
			if paused {
				r.sub.Pause()
				b.eventually("it is paused", func() bool { return r.sub.Health().State == worker.StatePaused })
			}
			b.replaceExchange("topic")
			began := time.Now()
			b.eventually("the exchange has a queue", func() bool {
				err := b.pub.Publish(t.Context(), "key", 1)
				if err != nil && !errors.Is(err, broker.ErrUnroutable) {
					t.Fatal(err)
				}
				return err == nil
			})
			if took := time.Since(began); took > 40*time.Second {
				t.Errorf("the queue was bound again after %v, want about 30s", took)
			}
			if !r.worker.Health().Ready {
				t.Errorf("not ready: %q", r.worker.Health().Reasons)
			}
		})
	}
}

// TestAnUnroutableMessageOfTheWorkersPublisherRestoresTheBindings at once.
func TestAnUnroutableMessageOfTheWorkersPublisherRestoresTheBindings(t *testing.T) {
	t.Parallel()
	for name, remove := range map[string]func(b *bench) error{
		"the exchange is gone": func(b *bench) error { return b.channel.ExchangeDelete(b.exchange, false, false) },
		"the binding is gone":  func(b *bench) error { return b.channel.QueueUnbind(b.queue.Name, "#", b.exchange, nil) },
	} {
		rabbit.Run(t, name, func(t *testing.T) {
			b := newBench(t)
			r := b.run(nothing)
			if err := remove(b); err != nil {
				t.Fatal(err)
			}
			pub := r.worker.Publisher(b.exchange)
			if err := pub.Publish(t.Context(), "key", 1); !errors.Is(err, broker.ErrUnroutable) {
				t.Errorf("Publish returned %v, want ErrUnroutable", err)
			}
			began := time.Now()
			b.eventually("the exchange has a queue", func() bool { return pub.Publish(t.Context(), "key", 1) == nil })
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("the queue was bound again after %v, want at once", took)
			}
			b.verdicts(1)
		})
	}
}

// TestAnExchangeOfAnotherTypeIsAReasonInTheHealth, and ends neither the queue nor a
// connection.
func TestAnExchangeOfAnotherTypeIsAReasonInTheHealth(t *testing.T) {
	rabbit.Waits(t, "30 seconds until the exchange is declared again")
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		r := b.run(nothing)
		b.replaceExchange("fanout")
		b.eventually("the health says why", func() bool { return !r.worker.Health().Ready })
		h := r.sub.Health()
		if c, ok := errors.AsType[*topology.ConflictError](h.TopologyErr); !ok || c.Name != b.exchange {
			t.Errorf("the topology's error is %v, want a ConflictError of the exchange", h.TopologyErr)
		}
		if h.State != worker.StateConsuming {
			t.Errorf("the queue is %v, want consuming", h.State)
		}
		if err := b.channel.PublishWithContext(t.Context(), "", b.queue.Name, true, false, amqp.Publishing{}); err != nil {
			t.Fatal(err)
		}
		b.verdicts(1)
		b.replaceExchange("topic")
		b.eventually("it is ready again", func() bool { return r.worker.Health().Ready })
		b.publish("key", 1)
		b.verdicts(2)
		if n := b.count(func(e worker.Event) bool { _, is := e.(worker.SessionDown); return is }); n > 0 {
			t.Errorf("%d connections were lost, want none", n)
		}
		if n := b.count(func(e worker.Event) bool { c, is := e.(worker.TopologyChanged); return is && c.Err != nil }); n != 1 {
			t.Errorf("%d events of a refusal, want 1", n)
		}
	})
}

// count returns how many events so far are as is says.
func (b *bench) count(is func(worker.Event) bool) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.events {
		if is(e) {
			n++
		}
	}
	return n
}

// TestACopyWhoseWayIsDeletedArrives: a part of what all workers share is gone, so the test
// has a node to itself.
func TestACopyWhoseWayIsDeletedArrives(t *testing.T) {
	t.Parallel()
	for name, remove := range map[string]func(b *bench) error{
		"the dead-letter exchange": func(b *bench) error { return b.channel.ExchangeDelete(topology.DeadLetterExchange, false, false) },
		"the dead-letter queue": func(b *bench) error {
			_, err := b.channel.QueueDelete(topology.DeadLetterQueue(b.queue.Name), false, false, false)
			return err
		},
		"the binding of the dead-letter queue": func(b *bench) error {
			return b.channel.QueueUnbind(topology.DeadLetterQueue(b.queue.Name), b.queue.Name, topology.DeadLetterExchange, nil)
		},
		"the parking queue": func(b *bench) error {
			_, err := b.channel.QueueDelete(topology.ParkingQueue(b.queue.Name), false, false, false)
			return err
		},
	} {
		runWithNode(t, name, func(t *testing.T, node rabbit.Node) {
			b := newBenchAt(t, node.URL())
			b.run(handler.Func(func(context.Context, *message.Message) error { return errBoom }))
			if err := remove(b); err != nil {
				t.Fatal(err)
			}
			b.publish("key", 1)
			b.eventually("the dead-letter queue is there", func() bool { return exists(t, b.url, topology.DeadLetterQueue(b.queue.Name)) })
			b.deadLetter()
			if n := b.count(func(e worker.Event) bool { _, is := e.(worker.SessionDown); return is }); n > 0 {
				t.Errorf("%d connections were lost, want none", n)
			}
		})
	}
}
