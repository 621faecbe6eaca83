package devbroker_test

import (
	"strconv"
	"sync"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/devbroker"
)

// TestNoMessageIsLostAmongManyConsumers has many clients at work on the same queues at once: all that
// was confirmed is delivered, and in the end nothing is left.
func TestNoMessageIsLostAmongManyConsumers(t *testing.T) {
	t.Parallel()
	const publishers, consumers, each = 4, 4, 500
	for _, kind := range []string{"classic", "quorum"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			b := pipe(t, devbroker.Config{})
			connect(t, b).declare("q", amqp.Table{"x-queue-type": kind})

			var seen sync.Map
			var left, all sync.WaitGroup
			left.Add(publishers * each)
			clients := make([]*client, consumers)
			for i := range clients {
				clients[i] = connect(t, b)
				deliveries := clients[i].listen("q", 10)
				all.Go(func() { consumeAll(t, deliveries, &seen, &left) })
			}
			for p := range publishers {
				c := connect(t, b)
				all.Go(func() { c.putMany(p, each) })
			}
			left.Wait()
			for _, c := range clients {
				c.must(c.conn.Close()) // after its acks
			}
			all.Wait()
			check(t, "ready", queue(b, "q").Ready, 0)
			check(t, "unacked", queue(b, "q").Unacked, 0)
		})
	}
}

// putMany publishes without waiting, and has each confirmed in the end.
func (c *client) putMany(publisher, count int) {
	var confirms []*amqp.DeferredConfirmation
	for i := range count {
		confirm, err := c.PublishWithDeferredConfirm("", "q", true, false, amqp.Publishing{
			MessageId: strconv.Itoa(publisher) + "." + strconv.Itoa(i),
		})
		if err != nil {
			c.t.Error(err)
			return
		}
		confirms = append(confirms, confirm)
	}
	for _, confirm := range confirms {
		if !confirm.Wait() {
			c.t.Error("a publish was not confirmed")
		}
	}
}

// consumeAll puts back each third message once, and acks the rest.
func consumeAll(t *testing.T, deliveries <-chan amqp.Delivery, seen *sync.Map, left *sync.WaitGroup) {
	for d := range deliveries {
		if !d.Redelivered && d.DeliveryTag%3 == 0 {
			if err := d.Nack(false, true); err != nil {
				t.Error(err)
			}
			continue
		}
		if err := d.Ack(false); err != nil {
			t.Error(err)
		}
		if _, twice := seen.LoadOrStore(d.MessageId, true); twice {
			t.Errorf("%s came again after its ack", d.MessageId)
			continue
		}
		left.Done()
	}
}
