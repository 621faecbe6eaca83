package migrate

import (
	"maps"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
)

// copyOf returns a copy of a message with its body, headers and properties. These differ:
//
//   - the headers that the broker counts in or routes by are left out;
//   - the exchange and the routing key are added as headers, because the exchange of the
//     copy is a part of the migration;
//   - the user id becomes a header if it is not the user of this connection, because the
//     broker would refuse it;
//   - the copy is persistent.
func copyOf(d *amqp091.Delivery, user string) amqp091.Publishing {
	h := maps.Clone(d.Headers)
	if h == nil {
		h = make(amqp091.Table)
	}
	maps.DeleteFunc(h, func(name string, _ any) bool {
		return name == "CC" || name == "BCC" || record.CountedByBroker(name)
	})
	if !message.Headers(h).IsText(record.HeaderRoutingKey) {
		h[record.HeaderExchange], h[record.HeaderRoutingKey] = d.Exchange, d.RoutingKey
	}
	if d.UserId != "" && d.UserId != user {
		h[record.HeaderUserID], d.UserId = d.UserId, ""
	}
	return amqp091.Publishing{
		Headers: h, ContentType: d.ContentType, ContentEncoding: d.ContentEncoding, DeliveryMode: amqp091.Persistent,
		Priority: d.Priority, CorrelationId: d.CorrelationId, ReplyTo: d.ReplyTo, Expiration: d.Expiration,
		MessageId: d.MessageId, Timestamp: d.Timestamp, Type: d.Type, UserId: d.UserId, AppId: d.AppId, Body: d.Body,
	}
}
