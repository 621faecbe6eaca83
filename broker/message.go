package broker

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
)

// outgoing is a message to be published, with the values that the options have set.
type outgoing struct {
	key     string
	delay   time.Duration
	codec   handler.Codec
	message message.Message
}

func newOutgoing(exchange, key string, body any, opts []Option) (outgoing, error) {
	out := outgoing{key: key, codec: handler.JSON(), message: message.Message{Exchange: exchange, RoutingKey: key}}
	for _, opt := range opts {
		opt(&out)
	}
	if strings.HasPrefix(out.message.Expiration, "-") {
		return out, fmt.Errorf("%w: the expiration is %s ms, want 0 or more", ErrMalformed, out.message.Expiration)
	}
	if err := out.encode(body); err != nil {
		return out, fmt.Errorf("broker: publish to exchange %q with key %q: %w", exchange, key, err)
	}
	if out.message.ID == "" {
		id, err := uuid.NewV7()
		if err != nil {
			return out, fmt.Errorf("broker: message id: %w", err)
		}
		out.message.ID = id.String()
	}
	if out.message.Timestamp.IsZero() {
		out.message.Timestamp = time.Now()
	}
	record.SetPublished(&out.message)
	return out, out.prepareDelay(exchange)
}

func (o *outgoing) encode(body any) (err error) {
	if raw, ok := body.([]byte); ok {
		o.message.Body = raw
		o.contentType("application/octet-stream")
		return nil
	}
	if o.message.Body, err = o.codec.Marshal(body); err != nil {
		return fmt.Errorf("encode %T: %w", body, err)
	}
	o.contentType(o.codec.ContentType())
	return nil
}

func (o *outgoing) contentType(fallback string) {
	if o.message.ContentType == "" {
		o.message.ContentType = fallback
	}
}

// prepareDelay writes into the message when it is due, and where it is to be published
// then.
func (o *outgoing) prepareDelay(exchange string) error {
	if o.delay <= 0 {
		return nil
	}
	for _, name := range []string{"CC", "BCC"} {
		if _, ok := o.message.Headers[name]; ok {
			return fmt.Errorf("%w: a message with the header %s cannot be delayed", ErrMalformed, name)
		}
	}
	o.header(record.HeaderRoutingKey, o.key)
	if exchange == "" {
		if err := (topology.WorkQueue{Name: o.key}).Validate(); err != nil {
			return fmt.Errorf("%w: %w", ErrMalformed, err)
		}
	} else {
		o.header(record.HeaderExchange, exchange)
	}
	record.Delay(&o.message, o.delay)
	return nil
}

func (o *outgoing) header(name string, value any) {
	if o.message.Headers == nil {
		o.message.Headers = make(message.Headers)
	}
	o.message.Headers[name] = value
}
