package job

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/warren-mq/warren/internal/check"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/internal/telemetry"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
)

// Sender publishes a message. Send returns nil once the broker has confirmed the message
// and routed it to a queue.
// worker.Connections.Sender returns one.
type Sender interface {
	Send(ctx context.Context, exchange, key string, m *message.Message) error
}

// Forward publishes each message to an exchange. Body, id, content type and the other
// properties stay unchanged, and so do most headers. Removed are the headers of the
// failure record, the broker's record of dead-lettering, and CC and BCC, which route to
// other queues. The user id is removed too, because the broker accepts only the id of this
// connection's user. The trace continues.
//
// Forward acknowledges a message once the broker has confirmed the new one. If exchange
// and key are the same as the message's own, it dead-letters the message, because the
// message would be forwarded endlessly. It does not detect longer loops.
type Forward struct {
	// Exchange is the exchange to publish to. Empty means the default exchange, whose keys
	// are names of queues.
	Exchange string
	// Key is the routing key. Empty means the message's own.
	Key string
	// Sender publishes the messages.
	Sender Sender
}

// Validate returns all faults of f in one error.
func (f Forward) Validate() error {
	all := check.Of("job")
	all.Addf(len(f.Exchange) > 255, "Exchange has %d bytes, want 255 at most", len(f.Exchange))
	all.Addf(len(f.Key) > 255, "Key has %d bytes, want 255 at most", len(f.Key))
	all.Addf(strings.ContainsFunc(f.Exchange, unicode.IsControl), "Exchange is %q, want no control characters", f.Exchange)
	all.Addf(f.Exchange+f.Key == "", "Exchange and Key are empty, want one of them")
	all.Addf(f.Sender == nil, "Sender is nil, want a Sender")
	return all.Err()
}

// Handler returns the handler of f, or the error of Validate.
func (f Forward) Handler() (Handler, error) {
	if err := f.Validate(); err != nil {
		return nil, err
	}
	return stateless{f.forward}, nil
}

func (f Forward) forward(ctx context.Context, m *message.Message) error {
	out := *m
	out.Exchange, out.RoutingKey = f.Exchange, cmp.Or(f.Key, m.RoutingKey)
	if out.Exchange == m.Exchange && out.RoutingKey == m.RoutingKey {
		return retry.Permanent(fmt.Errorf("job: forward to exchange %q with key %q: the message came from there; forwarding it would loop", out.Exchange, out.RoutingKey))
	}
	out.Headers = forwarded(ctx, m)
	out.UserID, out.Queue, out.Attempt, out.Redelivered, out.DeliveryCount = "", "", 0, false, 0
	record.SetPublished(&out)
	if err := f.Sender.Send(ctx, out.Exchange, out.RoutingKey, &out); err != nil {
		return fmt.Errorf("job: forward: %w", err)
	}
	return nil
}

// forwarded returns the headers of the new message, with the trace of ctx.
func forwarded(ctx context.Context, m *message.Message) message.Headers {
	h := make(message.Headers, len(m.Headers))
	for name, value := range m.Headers {
		if isUserHeader(name) && !slices.Contains(brokersOwn, name) {
			h[name] = value
		}
	}
	for _, f := range traceContext(ctx, m) {
		telemetry.Carrier(h).Set(f.name, f.value)
	}
	return h
}

// brokersOwn are the headers that RabbitMQ writes or interprets.
var brokersOwn = []string{
	"x-death", "x-first-death-exchange", "x-first-death-queue", "x-first-death-reason",
	"x-last-death-exchange", "x-last-death-queue", "x-last-death-reason",
	"x-delivery-count", "x-acquired-count", "CC", "BCC",
}
