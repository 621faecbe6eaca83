package outbox

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/encode"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/internal/telemetry"
	"github.com/warren-mq/warren/message"
)

// Message is a message to be published once the transaction has committed. Only Exchange or
// Key must be set.
type Message struct {
	Exchange string // it must exist when the message is published; "" is the default exchange
	Key      string // the routing key
	// Aggregate names the object of the message, such as an account's id. Messages with the
	// same aggregate are published in the order in which they were committed. Messages with
	// an empty aggregate have no order.
	Aggregate string
	// Body is sent unchanged if it is a []byte, and encoded by Codec otherwise.
	Body any
	// Codec encodes the body. Nil means handler.JSON. If it has a method MarshalMessage, as the
	// codecs of package codec do, it also encodes a []byte.
	Codec handler.Codec

	// Unique names what the message announces, such as "report/2026-11-29". Within UniqueFor of the
	// first write with the same key, further writes add no message. A write that was rolled back
	// does not count. The keys of all exchanges and routing keys are compared, so begin them with
	// a prefix. At most 255 bytes. Empty means that the message is always written.
	Unique string
	// UniqueFor is the window of Unique, from the first write by the database's clock. Further
	// writes do not extend it. Zero means 24 h.
	UniqueFor time.Duration

	ID string // a UUIDv7 if empty; it stays the same however often the message is published
	// Headers may be the headers of a message being handled: the ones that Warren or RabbitMQ writes
	// itself are dropped, as by broker.WithHeader. The trace context of Write is added.
	Headers       message.Headers
	Priority      uint8         // 0 is the lowest
	ContentType   string        // application/json, or application/octet-stream for a []byte, if empty
	Type          string        // the name for the kind of message
	CorrelationID string        // ties the message to others
	ReplyTo       string        // the address for a reply
	AppID         string        // the publishing application
	Expiration    time.Duration // how long it may wait in a queue, in whole milliseconds; zero means no limit
	Timestamp     time.Time     // now if zero; AMQP keeps whole seconds
}

// prepare returns the message that the relay will publish. It returns an error if no broker
// would accept the message.
func (m *Message) prepare(ctx context.Context) (*message.Message, error) {
	out := &message.Message{
		ID: m.ID, Headers: message.Headers{}, Priority: m.Priority, ContentType: m.ContentType, Type: m.Type,
		CorrelationID: m.CorrelationID, ReplyTo: m.ReplyTo, AppID: m.AppID, Timestamp: m.Timestamp,
		Exchange: m.Exchange, RoutingKey: m.Key,
	}
	if m.Exchange == "" && m.Key == "" {
		return nil, fmt.Errorf("%w: exchange and key are empty, want one of them", broker.ErrMalformed)
	}
	if m.Expiration < 0 {
		return nil, fmt.Errorf("%w: the expiration is %v, want 0 or more", broker.ErrMalformed, m.Expiration)
	}
	if err := m.checkUnique(); err != nil {
		return nil, err
	}
	if m.Expiration > 0 {
		out.Expiration = strconv.FormatInt(max(m.Expiration.Milliseconds(), 1), 10)
	}
	telemetry.Propagator(nil).Inject(ctx, telemetry.Carrier(out.Headers))
	record.CopyUnreserved(out.Headers, m.Headers) // a trace context set by the caller takes precedence
	if err := identify(out); err != nil {
		return nil, err
	}
	if err := m.encode(ctx, out); err != nil {
		return nil, fmt.Errorf("encode %T: %w", m.Body, err)
	}
	return out, amqp.Check(m.Exchange, m.Key, out)
}

func (m *Message) encode(ctx context.Context, out *message.Message) error {
	if m.Codec == nil {
		return encode.Body(ctx, out, m.Body, handler.JSON())
	}
	return encode.Body(ctx, out, m.Body, m.Codec)
}

func identify(out *message.Message) error {
	if out.Timestamp.IsZero() {
		out.Timestamp = time.Now()
	}
	if out.ID != "" {
		return nil
	}
	id, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("message id: %w", err)
	}
	out.ID = id.String()
	return nil
}

// properties holds the properties that have no column of their own.
type properties struct {
	ContentType   string    `json:"content_type,omitempty"`
	Encoding      string    `json:"content_encoding,omitempty"`
	Type          string    `json:"type,omitempty"`
	CorrelationID string    `json:"correlation_id,omitempty"`
	ReplyTo       string    `json:"reply_to,omitempty"`
	AppID         string    `json:"app_id,omitempty"`
	Expiration    string    `json:"expiration,omitempty"`
	Timestamp     time.Time `json:"timestamp"`
	Priority      uint8     `json:"priority,omitempty"`
}

// store encodes the properties and headers for their columns.
func store(m *message.Message) (props, headers string, err error) {
	p, err := json.Marshal(properties{
		m.ContentType, m.ContentEncoding, m.Type, m.CorrelationID, m.ReplyTo, m.AppID, m.Expiration, m.Timestamp, m.Priority,
	})
	if err != nil {
		return "", "", err
	}
	h, err := amqp.MarshalHeaders(m.Headers)
	return string(p), string(h), err
}

// restore reads what store wrote into m.
func restore(m *message.Message, props, headers string) (err error) {
	var p properties
	if err := json.Unmarshal([]byte(props), &p); err != nil {
		return fmt.Errorf("outbox: properties of message %s: %w", m.ID, err)
	}
	m.ContentType, m.ContentEncoding, m.Type = p.ContentType, p.Encoding, p.Type
	m.CorrelationID, m.ReplyTo = p.CorrelationID, p.ReplyTo
	m.AppID, m.Expiration, m.Timestamp, m.Priority = p.AppID, p.Expiration, p.Timestamp, p.Priority
	if m.Headers, err = amqp.UnmarshalHeaders([]byte(headers)); err != nil {
		return fmt.Errorf("outbox: headers of message %s: %w", m.ID, err)
	}
	return nil
}
