package amqp

import (
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"
)

// All other deliveries are settled. The goroutine of amqp091 that buffers deliveries may pass one on at
// any time.
func TestADeliveryThatArrivesAfterTheSuspectIsReceived(t *testing.T) {
	t.Parallel()
	c := &Consumer{
		prefetch: 4, suspect: 2, settler: newSettler(newRecorder(), 4), ready: make(chan struct{}, 4), stopped: make(chan struct{}),
		drained: make(chan struct{}), suspected: make(chan struct{}), cleared: make(chan struct{}),
	}
	defer c.settler.stop()
	arrives := func(tag uint64, count int64) {
		if c.add(&amqp091.Delivery{DeliveryTag: tag, Redelivered: true, Headers: amqp091.Table{"x-delivery-count": count}}) {
			c.ready <- struct{}{}
		}
	}
	stop := make(chan struct{})
	defer time.AfterFunc(10*time.Second, func() { close(stop) }).Stop()
	receive := func(tag uint64) {
		t.Helper()
		d, ok := c.Receive(stop)
		if !ok || d.number != tag {
			t.Fatalf("received delivery %d, %v; want %d", d.number, ok, tag)
		}
		if err := d.Ack(); err != nil {
			t.Fatal(err)
		}
	}
	arrives(1, 2)
	c.Alone()
	receive(1)
	arrives(2, 0)
	receive(2)
}
