package migrate_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/internal/rabbit"
)

// shop is a queue with two bindings, to which numbered messages are published.
type shop struct {
	url, queue string
	kind       string // of the queue
	channel    *amqp091.Channel
	next       int // the number of the next message
	rate       int // of load
}

func newShop(t *testing.T) *shop {
	t.Helper()
	return newShopAt(t, rabbit.URL(t), "classic")
}

// newShopAt opens a shop with a queue of a kind.
func newShopAt(t *testing.T, url, kind string) *shop {
	t.Helper()
	s := &shop{url: url, queue: rabbit.Queue(t), kind: kind}
	s.channel = rabbit.Channel(t, s.url)
	s.declare(t)
	t.Cleanup(func() {
		ch := rabbit.Channel(t, s.url)
		for _, suffix := range []string{"", ".migrate.old", ".migrate.new", ".migrate.last"} {
			if _, err := ch.QueueDelete(s.queue+suffix, false, false, false); err != nil {
				t.Error(err)
			}
		}
		for _, suffix := range []string{"-events", ".migrate", ".migrate.old", ".migrate.last", ".migrate.out"} {
			if err := ch.ExchangeDelete(s.queue+suffix, false, false); err != nil {
				t.Error(err)
			}
		}
	})
	return s
}

// declare declares the queue as it was before.
func (s *shop) declare(t *testing.T) {
	t.Helper()
	_, err := s.channel.QueueDeclare(s.queue, true, false, false, false, amqp091.Table{"x-queue-type": s.kind})
	err = errors.Join(err, s.channel.ExchangeDeclare(s.queue+"-events", "topic", true, false, false, false, nil))
	for _, b := range bindings(s.queue) {
		err = errors.Join(err, s.channel.QueueBind(s.queue, b.Key, b.Exchange, false, nil))
	}
	if err := errors.Join(err, s.channel.Confirm(false)); err != nil {
		t.Fatal(err)
	}
}

// put publishes the next message. Both bindings match it.
func (s *shop) put(ctx context.Context, ch *amqp091.Channel) (*amqp091.DeferredConfirmation, error) {
	p := amqp091.Publishing{MessageId: strconv.Itoa(s.next), DeliveryMode: amqp091.Persistent, Body: []byte(strconv.Itoa(s.next))}
	c, err := ch.PublishWithDeferredConfirmWithContext(ctx, s.queue+"-events", "user.new", true, false, p)
	if err == nil {
		s.next++
	}
	return c, err
}

// fill publishes n messages.
func (s *shop) fill(t *testing.T, n int) {
	t.Helper()
	var sent []*amqp091.DeferredConfirmation
	for range n {
		c, err := s.put(t.Context(), s.channel)
		if err != nil {
			t.Fatal(err)
		}
		sent = append(sent, c)
	}
	for _, c := range sent {
		if !c.Wait() {
			t.Fatal("the broker refused a message")
		}
	}
}

// load publishes perSecond messages a second until the returned function is called. Each
// must be routed and confirmed.
func (s *shop) load(t *testing.T, perSecond int) (stop func()) {
	t.Helper()
	s.rate = perSecond
	ch := rabbit.Channel(t, s.url)
	if err := ch.Confirm(false); err != nil {
		t.Fatal(err)
	}
	returned := ch.NotifyReturn(make(chan amqp091.Return, 1024))
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		tick := time.NewTicker(time.Second / time.Duration(perSecond))
		defer tick.Stop()
		var sent []*amqp091.DeferredConfirmation
		for ctx.Err() == nil {
			select {
			case <-tick.C:
			case <-ctx.Done():
				continue
			}
			c, err := s.put(context.WithoutCancel(ctx), ch)
			if err != nil {
				t.Error(err)
				return
			}
			sent = append(sent, c)
		}
		for i, c := range sent {
			if !c.Wait() {
				t.Errorf("message %d of the load was not confirmed", i)
			}
		}
	})
	return func() {
		cancel()
		running.Wait()
		if n := len(returned); n > 0 {
			t.Errorf("%d messages were returned as unroutable", n)
		}
	}
}

// take removes n messages from the queue.
func (s *shop) take(t *testing.T, n int) {
	t.Helper()
	for left := n; left > 0; {
		_, ok, err := s.channel.Get(s.queue, true)
		if err != nil || !ok {
			t.Fatalf("took %d of %d messages: %v", n-left, n, err)
		}
		left--
	}
}

// audit takes all messages from the queue. Each must be there, and in the order in which it was
// published, apart from further copies. Only the last messages that pass a queue of the
// migration may come late, and only as many as are published in 250 ms: this machine may be busy
// with other tests. It returns the number of further copies, and of late messages.
func (s *shop) audit(t *testing.T) (copies, late int) {
	t.Helper()
	ch := rabbit.Channel(t, s.url)
	deliveries, err := ch.Consume(s.queue, "", true, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	seen, last := make(map[int]int), -1
	for len(seen) < s.next || rabbit.Depth(t, s.channel, s.queue) > 0 {
		select {
		case d := <-deliveries:
			n, err := strconv.Atoi(d.MessageId)
			if err != nil || string(d.Body) != d.MessageId || d.RoutingKey != "user.new" {
				t.Fatalf("message %q has the body %q and the key %q", d.MessageId, d.Body, d.RoutingKey)
			}
			if seen[n]++; seen[n] > 1 {
				copies++
				continue
			}
			if n < last {
				late++
				if d.Headers["x-death"] == nil {
					t.Errorf("message %d comes behind message %d", n, last)
				}
			}
			last = max(last, n)
		case <-time.After(10 * time.Second):
			t.Fatalf("found %d of %d messages", len(seen), s.next)
		}
	}
	if late > s.rate/4 {
		t.Errorf("%d of %d messages come behind a later one, want at most %d", late, s.next, s.rate/4)
	}
	return copies, late
}

// gone checks that no part of the migration exists.
func (s *shop) gone(t *testing.T) {
	t.Helper()
	for _, suffix := range []string{"", ".old", ".new", ".last", ".out"} {
		name := s.queue + ".migrate" + suffix
		if _, err := rabbit.Channel(t, s.url).QueueDeclarePassive(name, true, false, false, false, nil); err == nil {
			t.Errorf("queue %s still exists", name)
		}
		if err := rabbit.Channel(t, s.url).ExchangeDeclarePassive(name, "fanout", true, false, false, false, nil); err == nil {
			t.Errorf("exchange %s still exists", name)
		}
	}
}

// isWanted checks that the queue has the wanted arguments.
func (s *shop) isWanted(t *testing.T) {
	t.Helper()
	args := amqp091.Table{"x-queue-type": "quorum", "x-delivery-limit": int64(7)}
	if _, err := rabbit.Channel(t, s.url).QueueDeclare(s.queue, true, false, false, false, args); err != nil {
		t.Error(err)
	}
}
