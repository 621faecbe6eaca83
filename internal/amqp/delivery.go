package amqp

import (
	"context"
	"slices"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
)

// Delivery is one message awaiting its outcome, tied to the channel it arrived on.
type Delivery struct {
	consumer *Consumer
	raw      amqp091.Delivery
}

// Fill writes the message into m, whose body and headers are then the
// delivery's own. A copy made by the framework gives the exchange and the
// routing key of the first publish, and counts its attempts.
func (d *Delivery) Fill(m *message.Message) { Fill(m, &d.raw, d.consumer.queue) }

// Fill writes what the broker delivered from the queue into m.
func Fill(m *message.Message, r *amqp091.Delivery, queue string) {
	h := message.Headers(r.Headers)
	delete(h, record.HeaderPublish) // the publisher's own
	*m = message.Message{
		ID: r.MessageId, Body: r.Body, Headers: h,
		ContentType: r.ContentType, ContentEncoding: r.ContentEncoding, Type: r.Type,
		CorrelationID: r.CorrelationId, ReplyTo: r.ReplyTo, Expiration: r.Expiration,
		UserID: r.UserId, AppID: r.AppId, Timestamp: r.Timestamp, Priority: r.Priority,
		Transient: r.DeliveryMode == amqp091.Transient,
		Exchange:  r.Exchange, RoutingKey: r.RoutingKey, Queue: queue,
		Attempt: 1, Redelivered: r.Redelivered,
	}
	if n, ok := h.Int("x-delivery-count"); ok {
		m.DeliveryCount = int(min(max(n, 0), maxAttempt))
	}
	if at := h.String(record.HeaderQueue); at != "" && at != m.Queue {
		return // a record of another queue's failure, carried along
	}
	if h.IsText(record.HeaderRoutingKey) {
		m.Exchange, m.RoutingKey = h.String(record.HeaderExchange), h.String(record.HeaderRoutingKey)
	}
	if n, ok := h.Int(record.HeaderRetryCount); ok && n > 0 && !wasDead(h, m.Queue) {
		m.Attempt = int(min(n, maxAttempt)) + 1
	}
}

// wasDead reports whether a message was a dead letter of the queue and was moved back, by
// a shovel or by hand, with its headers: its attempts begin anew. The copy for a retry
// counts as many retries as attempts, the copy for the dead-letter queue one less; the
// broker's own dead letters have x-death, which copies do not carry.
func wasDead(h message.Headers, queue string) bool {
	retries, _ := h.Int(record.HeaderRetryCount)
	if attempt, ok := h.Int(record.HeaderAttempt); ok && retries < attempt {
		return true
	}
	return slices.ContainsFunc(Deaths(h), func(d Death) bool { return d.Queue == queue })
}

// maxAttempt keeps a forged retry count from overflowing.
const maxAttempt = 1 << 30

// Ack tells the broker that the message is done. The ack leaves with those of its
// neighbours. ErrStale says that the channel is gone and the result was dropped.
func (d *Delivery) Ack() error { return d.consumer.settle(d.raw.DeliveryTag, ack) }

// Release gives the message back to its queue, for whoever is next.
func (d *Delivery) Release() error { return d.consumer.settle(d.raw.DeliveryTag, requeue) }

// Reject has the broker dead-letter the message as it is, without a failure record.
func (d *Delivery) Reject() error { return d.consumer.settle(d.raw.DeliveryTag, reject) }

// Context returns the context to handle the delivery in: a child of Consume.Context that
// is cancelled with ErrStale as its cause when the broker has taken the delivery back.
func (d *Delivery) Context() context.Context { return d.consumer.life }

// Lost is closed when the broker has taken the delivery back: its channel is gone.
func (d *Delivery) Lost() <-chan struct{} { return d.consumer.gone }
