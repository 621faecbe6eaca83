package broker

import (
	"strconv"
	"time"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
)

// Option changes a message that is to be published.
type Option func(*outgoing)

// WithPriority sets the priority. By default the message has none: a classic queue takes that
// as 0, and a quorum queue of RabbitMQ 4.3 as 4. Queues declared with MaxPriority support
// priorities up to that value. Quorum queues support two levels on RabbitMQ 4.0 (5 and more
// is high), 32 on 4.3, and none on earlier versions.
func WithPriority(p uint8) Option { return func(o *outgoing) { o.message.Priority = p } }

// WithDelay delays the message by d before it reaches the exchange. It waits in a parking
// queue, and a worker that has a queue of the exchange publishes it when it is due. Without
// such a worker it keeps waiting. Publish returns when the parking queue has the message. A
// message that no queue takes when it is due goes to the queue warren.unrouted. On the
// default exchange the key must be the name of a worker's queue. A message with the header
// CC or BCC cannot be delayed (ErrMalformed). The first delayed publish declares the
// parking queue. Its error may also be a *topology.ConflictError, if the queue exists with other
// arguments, or ErrRefused, if the user may not declare it.
func WithDelay(d time.Duration) Option { return func(o *outgoing) { o.delay = d } }

// WithExpiration sets how long the message may wait in a queue, in whole milliseconds. A
// negative value is an error (ErrMalformed). An expired message is dead-lettered.
func WithExpiration(d time.Duration) Option {
	return func(o *outgoing) { o.message.Expiration = strconv.FormatInt(d.Milliseconds(), 10) }
}

// WithHeader adds a header. The value is any AMQP field: text, []byte, bool, integers,
// floats, time.Time, []any, or nested tables. A header that Warren or RabbitMQ writes
// itself (the failure record and the like, see docs/headers.md; x-death, x-delivery-count and
// the like) is dropped, because it describes another message and would misroute this one. CC,
// BCC and trace headers are kept.
func WithHeader(name string, value any) Option {
	return func(o *outgoing) {
		if !record.IsReserved(name) {
			o.header(name, value)
		}
	}
}

// WithHeaders adds all headers in h, such as the headers of a message being handled, except
// the headers that WithHeader drops.
func WithHeaders(h message.Headers) Option {
	return func(o *outgoing) {
		for name, value := range h {
			WithHeader(name, value)(o)
		}
	}
}

// WithMessageID sets the message id. The default is a UUIDv7.
func WithMessageID(id string) Option { return func(o *outgoing) { o.message.ID = id } }

// WithCorrelationID sets the correlation id, which relates the message to others.
func WithCorrelationID(id string) Option {
	return func(o *outgoing) { o.message.CorrelationID = id }
}

// WithReplyTo sets the address for a reply.
func WithReplyTo(address string) Option { return func(o *outgoing) { o.message.ReplyTo = address } }

// Properties are the properties of a message that are set less often.
type Properties struct {
	Type      string    // the kind of message
	AppID     string    // the publishing application
	Timestamp time.Time // when the message was made; zero means now. AMQP keeps whole seconds
	// Transient lets the broker keep the message in memory only: classic queues lose it when
	// the node stops.
	Transient bool
}

// WithProperties sets the properties in p. A later WithProperties replaces all of them.
func WithProperties(p Properties) Option {
	return func(o *outgoing) {
		o.message.Type, o.message.AppID, o.message.Timestamp, o.message.Transient = p.Type, p.AppID, p.Timestamp, p.Transient
	}
}

// WithContentType overrides the content type that the body's encoding implies.
func WithContentType(mime string) Option {
	return func(o *outgoing) { o.message.ContentType = mime }
}

// WithCodec encodes the body with c instead of as JSON. If c has a method MarshalMessage (see
// handler.Codec), it also encodes a []byte, so that a codec that seals bodies seals all of them.
func WithCodec(c handler.Codec) Option { return func(o *outgoing) { o.codec = c } }
