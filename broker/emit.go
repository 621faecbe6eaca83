package broker

import (
	"context"
	"fmt"
	"slices"

	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/trace"

	"github.com/warren-mq/warren/internal/emit"
	"github.com/warren-mq/warren/message"
)

// Emit is Publish for a worker's handler, whose context is ctx: the message is published after
// the handler has returned nil, and before its own message is acknowledged. If the handler
// returns an error or panics, or its time is over, the message is not published.
//
// Emit encodes the message at once. It returns an error of the codec, ErrMalformed, ErrClosed,
// ErrNoHandler if ctx does not belong to a running handler, or the cause of ctx if ctx is done.
// The messages that a handler emits are published together, in order, within the Timeout of its
// queue. If one of them is not confirmed, the handling fails with an error that wraps the error
// of Publish, and the handler runs again by the retry policy of its queue. Messages that were
// confirmed are then published again.
//
// Each run of the handler for the same message gives its messages the same ids, so that
// middleware.Dedupe recognizes them. An id is a UUID derived from the id of the handled message,
// its queue, the pattern of the handler, the exchange and key of the new message, and how many
// messages with this exchange and key were emitted before. A handler must therefore emit its
// messages for one key in the same order each time, or set the ids by WithMessageID. If the
// handled message has no id, the new ones get a UUIDv7.
//
// A handler of a batch cannot emit. With dedupe.InTx, call Emit after InTx, also if the message
// is a duplicate, since the process may have died between the commit and the publish before. To
// commit a message with the rows of a transaction, use package outbox.
func (p *Publisher) Emit(ctx context.Context, key string, body any, opts ...Option) error {
	c := emit.From(ctx)
	if err := c.Open(); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return fmt.Errorf("broker: emit to exchange %q with key %q: %w", p.exchange, key, context.Cause(ctx))
	}
	if p.ctx.Err() != nil {
		return ErrClosed
	}
	opts = slices.Insert(slices.Clip(slices.Clone(opts)), 0, WithMessageID(c.ID(p.exchange, key)))
	out, err := newOutgoing(ctx, p.exchange, Item{key, body, opts})
	if err != nil {
		return err
	}
	e := &emission{publisher: p, out: out, ctx: ctx}
	if err := c.Add(e); err != nil {
		e.Drop(ctx)
		return err
	}
	return nil
}

// emission is a message that a handler has emitted.
type emission struct {
	publisher *Publisher
	out       outgoing
	ctx       context.Context // of Emit
}

func (e *emission) Message() *message.Message { return &e.out.message }

// Start publishes the message within the span and with the baggage of Emit.
func (e *emission) Start(ctx context.Context) (wait func() error, err error) {
	sender, err := e.publisher.live()
	if err != nil {
		e.Drop(ctx)
		return nil, err
	}
	ctx = trace.ContextWithSpan(ctx, trace.SpanFromContext(e.ctx))
	ctx = baggage.ContextWithBaggage(ctx, baggage.FromContext(e.ctx))
	return e.publisher.start(ctx, sender, &e.out)
}

// Drop gives back what the codec has stored for the message.
func (e *emission) Drop(ctx context.Context) { e.out.unsent(ctx) }
