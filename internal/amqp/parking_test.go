package amqp_test

import (
	"errors"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
)

func removeQueues(t *testing.T, ch *amqp091.Channel, queues ...string) {
	t.Helper()
	for _, q := range queues {
		if _, err := ch.QueueDelete(q, false, false, false); err != nil {
			t.Error(err)
		}
	}
}

// TestADelayedMessageWaitsInTheParkingQueue with all that it needs later, and without what
// would remove it or send it elsewhere.
func TestADelayedMessageWaitsInTheParkingQueue(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		url, exchange := rabbit.URL(t), rabbit.Queue(t)
		ch, p := rabbit.Channel(t, url), publisher(t, amqp.Config{URL: url}, exchange)
		parking := topology.ExchangeParking(exchange)
		defer removeQueues(t, ch, parking)
		began := time.Now()
		if err := p.Publish(t.Context(), "a.b", 1, broker.WithDelay(time.Hour), broker.WithExpiration(time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		rabbit.Eventually(t, 10*time.Second, func() bool { return rabbit.Depth(t, ch, parking) == 1 }, "the message waits")
		deliveries, err := ch.Consume(parking, "", true, false, false, false, nil)
		if err != nil {
			t.Fatal(err)
		}
		d := <-deliveries
		m := message.Message{Headers: message.Headers(d.Headers), Expiration: d.Expiration}
		if late := record.Due(&m).Sub(began) - time.Hour; late < 0 || late > time.Minute {
			t.Errorf("it is due %v later than wanted", late)
		}
		record.ClearDue(&m)
		if key := m.Headers.String(record.HeaderRoutingKey); key != "a.b" || m.Expiration != "1" {
			t.Errorf("its routing key is %q and its expiration %q, want a.b and 1", key, m.Expiration)
		}
		err = p.Publish(t.Context(), "a.b", 1, broker.WithDelay(time.Hour), broker.WithHeader("BCC", []any{"x"}))
		if !errors.Is(err, amqp.ErrMalformed) {
			t.Errorf("with BCC: %v, want ErrMalformed", err)
		}
	})
}
