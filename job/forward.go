package job

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/warren-mq/warren/internal/check"
	"github.com/warren-mq/warren/internal/telemetry"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
)

// Sender publishes a message, and returns nil once the broker has it in a queue.
// worker.Connections.Sender returns one.
type Sender interface {
	Send(ctx context.Context, exchange, key string, m *message.Message) error
}

// Forward publishes each message to an exchange. Body, id, content type and the other
// properties stay as they are, and so do the headers, without those of the failure record,
// the broker's record of dead-lettering, and what would send it elsewhere (CC, BCC). The
// user id is dropped, for the broker takes none but our own. The trace goes on.
//
// It is done with a message once the broker has confirmed the new one. One that would
// come back as the very message it is, to the same exchange with the same key, is a dead
// letter; longer ways round are not seen.
type Forward struct {
	// Exchange to publish to; "" is the default one, whose keys are names of queues.
	Exchange string
	// Key is the routing key; that of the message if empty.
	Key string
	// Sender publishes.
	Sender Sender
}

// Validate reports everything that is wrong with f, in one error.
func (f Forward) Validate() error {
	all := check.Of("job")
	all.Addf(len(f.Exchange) > 255, "Exchange has %d bytes, want 255 at most", len(f.Exchange))
	all.Addf(len(f.Key) > 255, "Key has %d bytes, want 255 at most", len(f.Key))
	all.Addf(strings.ContainsFunc(f.Exchange, unicode.IsControl), "Exchange is %q, want no control characters", f.Exchange)
	all.Addf(f.Exchange+f.Key == "", "Exchange and Key are empty, want one of them")
	all.Addf(f.Sender == nil, "Sender is nil, want one to publish with")
	return all.Err()
}

// Handler returns the handler of f, or what Validate says.
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
		return retry.Permanent(fmt.Errorf("job: forward to exchange %q with key %q: the message came from there", out.Exchange, out.RoutingKey))
	}
	out.Headers = forwarded(ctx, m)
	out.UserID, out.Queue, out.Attempt, out.Redelivered, out.DeliveryCount = "", "", 0, false, 0
	if err := f.Sender.Send(ctx, out.Exchange, out.RoutingKey, &out); err != nil {
		return fmt.Errorf("job: forward: %w", err)
	}
	return nil
}

// forwarded are the headers that go on, and the trace that ctx is in.
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

// brokersOwn are the headers that RabbitMQ writes, or acts upon.
var brokersOwn = []string{
	"x-death", "x-first-death-exchange", "x-first-death-queue", "x-first-death-reason",
	"x-last-death-exchange", "x-last-death-queue", "x-last-death-reason",
	"x-delivery-count", "x-acquired-count", "CC", "BCC",
}
