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
	Tag
	raw amqp091.Delivery
}

// Tag settles a delivery. It is all that is needed of a delivery once Fill has written its
// message.
type Tag struct {
	consumer *Consumer
	number   uint64
}

func newDelivery(c *Consumer, raw amqp091.Delivery) Delivery {
	return Delivery{Tag: Tag{consumer: c, number: raw.DeliveryTag}, raw: raw}
}

// Fill writes the message into m. m then shares its body and headers with the delivery. For
// a copy made by the framework, Fill sets the exchange and the routing key of the first
// publish, and counts the attempts.
func (d *Delivery) Fill(m *message.Message) { Fill(m, &d.raw, d.consumer.source) }

// Fill writes a message that the broker delivered from the queue into m.
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
		Attempt: 1, Redelivered: r.Redelivered, DeliveryCount: deliveryCount(r),
	}
	if at := h.String(record.HeaderQueue); at != "" && at != m.Queue {
		return // the record describes a failure on another queue
	}
	if h.IsText(record.HeaderRoutingKey) {
		m.Exchange, m.RoutingKey = h.String(record.HeaderExchange), h.String(record.HeaderRoutingKey)
	}
	if n, ok := h.Int(record.HeaderRetryCount); ok && n > 0 && !wasDead(h, m.Queue) {
		m.Attempt = int(min(n, maxAttempt)) + 1
	}
}

// deliveryCount returns the queue's count of failed deliveries. In a first delivery the header is the
// publisher's: of a shovel, for example, that forwards a dead letter with its headers.
func deliveryCount(r *amqp091.Delivery) int {
	if !r.Redelivered {
		return 0
	}
	n, _ := message.Headers(r.Headers).Int("x-delivery-count")
	return int(min(max(n, 0), maxAttempt))
}

// wasDead reports whether a message was a dead letter of the queue and was moved back with
// its headers, by a shovel or by hand. Its attempts then start over. In the copy for a
// retry, the retry count equals the attempt. In the copy for the dead-letter queue, it is
// one less. The broker's own dead letters have x-death, which copies do not carry.
func wasDead(h message.Headers, queue string) bool {
	retries, _ := h.Int(record.HeaderRetryCount)
	if attempt, ok := h.Int(record.HeaderAttempt); ok && retries < attempt {
		return true
	}
	return slices.ContainsFunc(Deaths(h), func(d Death) bool { return d.Queue == queue })
}

// maxAttempt prevents an overflow by a forged retry count.
const maxAttempt = 1 << 30

// Ack acknowledges the message. The ack is sent together with the acks of neighbouring
// messages. ErrStale means that the channel is gone and the result was dropped.
func (t Tag) Ack() error { return t.consumer.settle(t.number, ack) }

// Release requeues the message for the next consumer. A message of a stream stays without an
// outcome until its consumer is closed.
func (t Tag) Release() error { return t.consumer.settle(t.number, requeue) }

// Leave leaves the message without an outcome. The broker requeues it when the channel closes,
// together with the other messages that are left, and so in order.
func (t Tag) Leave() { t.consumer.settler.leave(1) }

// Delay requeues the message after the pause that is in the queue's arguments, if the broker
// has such pauses. It counts as a failed delivery.
func (t Tag) Delay() error { return t.consumer.settle(t.number, delayed) }

// Reject makes the broker dead-letter the message unchanged, without a failure record. A stream
// keeps the message and does not dead-letter it.
func (t Tag) Reject() error { return t.consumer.settle(t.number, reject) }

// As returns the delivery with m as its message.
func (t Tag) As(m *message.Message) Delivery {
	p := Publishing(m)
	return Delivery{Tag: t, raw: amqp091.Delivery{
		Headers: p.Headers, ContentType: p.ContentType, ContentEncoding: p.ContentEncoding, DeliveryMode: p.DeliveryMode, Priority: p.Priority,
		CorrelationId: p.CorrelationId, ReplyTo: p.ReplyTo, Expiration: p.Expiration, MessageId: p.MessageId, Timestamp: p.Timestamp,
		Type: p.Type, UserId: p.UserId, AppId: p.AppId, Body: p.Body,
		Exchange: m.Exchange, RoutingKey: m.RoutingKey, DeliveryTag: t.number, Redelivered: m.Redelivered,
	}}
}

// Consumer returns the consumer that has received the delivery.
func (t Tag) Consumer() *Consumer { return t.consumer }

// Receives reports whether the delivery's consumer still receives, so that Again may succeed.
func (t Tag) Receives() bool {
	t.consumer.mu.Lock()
	defer t.consumer.mu.Unlock()
	return t.consumer.receives()
}

// Again has Receive return d once more. It returns false if the consumer of d does not receive
// any more, and the caller is to requeue d.
func Again(d *Delivery) bool { return d.consumer.again(&d.raw) }

// Context returns the context to handle the delivery in: a child of Consume.Context that
// is cancelled with ErrStale as its cause when the broker has taken the delivery back.
func (t Tag) Context() context.Context { return t.consumer.life }

// Lost returns a channel that is closed when the delivery's channel is gone and the broker
// has taken the delivery back.
func (t Tag) Lost() <-chan struct{} { return t.consumer.gone }
