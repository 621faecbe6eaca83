package worker_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/worker"
)

// A pause and a stop requeue held messages once, also if they are more than the broker takes back at
// once. If they were requeued before the cancel, the broker would deliver them to the same consumer, again
// and again.
func TestHeldMessagesAreRequeuedOnce(t *testing.T) {
	t.Parallel()
	pause := func(r *running) {
		r.sub.Pause()
		r.eventually("it is paused", func() bool { return r.sub.Health().State == worker.StatePaused })
	}
	stop := func(r *running) {
		if err := r.finish(); err != nil {
			r.t.Error(err)
		}
	}
	for _, tt := range []struct {
		name   string
		single bool
		end    func(*running)
	}{
		{"at a pause", false, pause},
		{"at a stop", false, stop},
		{"at a pause of a single active consumer", true, pause},
		{"at a stop of a single active consumer", true, stop},
	} {
		rabbit.Run(t, tt.name, func(t *testing.T) {
			const messages = 40
			b := newBench(t)
			b.queue.Prefetch, b.queue.SingleActive = 100, tt.single
			var f failer
			r := b.held(&f)
			for i := range messages - 1 {
				b.publish("key", i, broker.WithMessageID(strconv.Itoa(i)))
			}
			b.eventually("all are held", func() bool { return r.sub.Health().Held == messages })
			tt.end(r)
			b.eventually("all are in the queue again", func() bool { return b.depth(b.queue.Name) == messages })
			if n := mostDeliveries(b, messages); n > 1 {
				t.Errorf("a message was requeued %d times, want once", n)
			}
			if n := len(f.all()); n != messages {
				t.Errorf("%d attempts were made, want %d", n, messages)
			}
		})
	}
}

// mostDeliveries takes n messages from the queue, and returns the largest number of deliveries of one
// of them before. RabbitMQ 4.3 does not count each of them in x-delivery-count.
func mostDeliveries(b *bench, n int) (most int64) {
	b.t.Helper()
	ch := rabbit.Channel(b.t, b.pubURL)
	deliveries, err := ch.Consume(b.queue.Name, "", false, false, false, false, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	for range n {
		d := <-deliveries
		for _, name := range []string{"x-delivery-count", "x-acquired-count"} {
			count, _ := message.Headers(d.Headers).Int(name)
			most = max(most, count)
		}
	}
	return most
}

// The next attempt of the held messages is far away.
func TestASuspectedMessageDoesNotWaitForHeldOnes(t *testing.T) {
	withNode(t, func(t *testing.T, node rabbit.Node) {
		p := newPermitted(t, node)
		p.queue.Concurrency, p.queue.Prefetch = 2, 10
		p.queue.Retry.InitialInterval = 10 * time.Minute
		handled := make(chan string, 10)
		r := p.run(handler.Func(func(_ context.Context, m *message.Message) error {
			handled <- m.RoutingKey
			if m.RoutingKey == "fails" {
				return errBoom
			}
			return nil
		}))
		p.publish("first", 1)
		p.verdicts(1)
		p.revoke(func(u *rabbit.User) { u.Write = "^(" + p.queue.Name + ".*|warren[.].*)$" })
		p.publish("fails", 1)
		p.eventually("the message is held", func() bool { return r.sub.Health().Held == 1 })
		first, second := newTaker(p.bench), newTaker(p.bench)
		p.publish("suspect", 1)
		first.loses()
		second.loses()
		for _, want := range []string{"first", "fails", "suspect"} {
			if got := p.next(handled); got != want {
				t.Fatalf("%s was handled, want %s", got, want)
			}
		}
	})
}

// taker is a consumer that the broker prefers to the worker.
type taker struct {
	*bench
	conn       *amqp.Connection
	deliveries <-chan amqp.Delivery
}

func newTaker(b *bench) *taker {
	b.t.Helper()
	conn := rabbit.Connect(b.t, b.pubURL)
	ch, err := conn.Channel()
	if err != nil {
		b.t.Fatal(err)
	}
	if err := ch.Qos(1, 0, false); err != nil {
		b.t.Fatal(err)
	}
	deliveries, err := ch.Consume(b.queue.Name, "", false, false, false, false, amqp.Table{"x-priority": 10})
	if err != nil {
		b.t.Fatal(err)
	}
	return &taker{bench: b, conn: conn, deliveries: deliveries}
}

// loses waits for a message and loses the connection with it.
func (t *taker) loses() {
	t.t.Helper()
	select {
	case <-t.deliveries:
	case <-time.After(patience):
		t.t.Fatal("no message was delivered")
	}
	if err := t.conn.Close(); err != nil {
		t.t.Error(err)
	}
}

// next returns the next value of c.
func (b *bench) next(c <-chan string) string {
	b.t.Helper()
	select {
	case s := <-c:
		return s
	case <-time.After(patience):
		b.t.Fatal("no further message was handled")
		return ""
	}
}
