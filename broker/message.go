package broker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/encode"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
)

// outgoing is a message to be published, with the values that the options have set.
type outgoing struct {
	key     string
	delay   time.Duration
	call    bool
	codec   handler.Codec
	message message.Message
}

// newOutgoing returns the message of an item with its body.
func newOutgoing(ctx context.Context, exchange string, item Item) (outgoing, error) {
	out := described(exchange, item)
	err := out.encode(ctx, item.Body)
	return out, err
}

// described returns the message of an item without its body.
func described(exchange string, item Item) outgoing {
	out := outgoing{key: item.Key, codec: handler.JSON(), message: message.Message{Exchange: exchange, RoutingKey: item.Key}}
	for _, opt := range item.Options {
		opt(&out)
	}
	return out
}

func (o *outgoing) encode(ctx context.Context, body any) error {
	exchange, key := o.message.Exchange, o.key
	if strings.HasPrefix(o.message.Expiration, "-") {
		return fmt.Errorf("%w: the expiration is %s ms, want 0 or more", ErrMalformed, o.message.Expiration)
	}
	if err := errors.Join(o.checkCall(), o.identify()); err != nil {
		return err
	}
	if err := encode.Body(ctx, &o.message, body, o.codec); err != nil {
		return fmt.Errorf("broker: publish to exchange %q with key %q: encode %T: %w", exchange, key, body, err)
	}
	record.SetPublished(&o.message)
	err := o.prepareDelay(exchange)
	if err != nil {
		o.failed(ctx, err)
	}
	return err
}

func (o *outgoing) identify() error {
	if o.message.ID == "" {
		id, err := uuid.NewV7()
		if err != nil {
			return fmt.Errorf("broker: message id: %w", err)
		}
		o.message.ID = id.String()
	}
	if o.message.Timestamp.IsZero() {
		o.message.Timestamp = time.Now()
	}
	return nil
}

// mayWait reports whether something may take long before the message is sent: a codec that stores
// the body elsewhere, or the declaration of a parking queue.
func (o *outgoing) mayWait() bool { return o.delay > 0 || encode.ByMessage(o.codec) }

// neverQueued are the errors of messages that no queue has received. ErrNacked is missing
// because one of several queues may have the message, and ErrNotConnected because its confirm
// may have been lost.
var neverQueued = []error{ErrUnroutable, ErrRefused, ErrTooLarge, ErrMalformed}

// failed gives back what the codec has stored, unless a queue may have the message.
func (o *outgoing) failed(ctx context.Context, err error) {
	if !amqp.MayBeQueued(err) && slices.ContainsFunc(neverQueued, func(known error) bool { return errors.Is(err, known) }) {
		o.unsent(context.WithoutCancel(ctx))
	}
}

// unsent calls the codec's method Unsent, if it has one.
func (o *outgoing) unsent(ctx context.Context) {
	if codec, ok := o.codec.(interface {
		Unsent(ctx context.Context, m *message.Message)
	}); ok {
		codec.Unsent(ctx, &o.message)
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
