package broker

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
)

// RemoteError is the error of a call whose request was handled and failed.
type RemoteError struct {
	// Reason is one of the Reason constants of package message, or the result of the method
	// Reason() string of the handler's error.
	Reason string
	// Message is the text of the handler's error, at most 2 KiB.
	Message string
}

// Error returns the reason and the text of the handler's error.
func (e *RemoteError) Error() string {
	return fmt.Sprintf("broker: the request failed: %s: %s", e.Reason, e.Message)
}

// ErrorType returns the reason, for error.type in traces and metrics.
func (e *RemoteError) ErrorType() string { return e.Reason }

// Call publishes a request by p and returns the reply of its handler, which handler.Replies
// makes. See Publisher.Call for the promises. It encodes the request as Publish does, and decodes
// the reply as JSON, or with the codec of WithCodec. A reply that cannot be decoded is a
// *handler.DecodeError.
//
//	price, err := broker.Call[Price](ctx, pub, "price.asked", Question{SKU: "4711"})
func Call[Reply any](ctx context.Context, p *Publisher, key string, request any, opts ...Option) (Reply, error) {
	var reply Reply
	m, codec, err := p.call(ctx, Item{key, request, opts})
	if err != nil {
		return reply, err
	}
	decode := handler.Typed(func(_ context.Context, v Reply) error {
		reply = v
		return nil
	}, handler.WithCodec(codec))
	return reply, decode.Handle(ctx, m)
}

// Call publishes a request as Publish does and returns the reply. The reply comes over
// RabbitMQ's direct reply-to, without a queue. The calls of a connection share one channel. A call
// that the broker may refuse has a channel of its own: the first one to the exchange, and one with
// more than 1 MiB or a header CC or BCC.
//
// A call ends at the deadline of ctx, or without one after Config.PublishTimeout, or after 30 s
// if that is negative. The request carries the deadline, and expires then: it is not handled any
// more. Call returns a *RemoteError if the handler failed for good, and the errors of Publish. If
// the connection is lost before the reply, the error is ErrNotConnected at once, and the request
// may have been handled: Call never sends it twice. If ctx ends, it may be handled, too.
//
// Call sets the correlation id, the reply-to and the expiration, and the request is transient.
// Options that set these, and WithDelay, are an error (ErrMalformed).
func (p *Publisher) Call(ctx context.Context, key string, body any, opts ...Option) (*message.Message, error) {
	m, _, err := p.call(ctx, Item{key, body, opts})
	return m, err
}

func (p *Publisher) call(ctx context.Context, item Item) (*message.Message, handler.Codec, error) {
	sender, err := p.live()
	if err != nil {
		return nil, nil, err
	}
	item.Options = append(slices.Clip(item.Options), isCall)
	ctx, cancel := p.limit(ctx)
	defer cancel()
	out, err := newOutgoing(ctx, p.exchange, item)
	if err != nil {
		return nil, nil, err
	}
	out.ask(ctx)
	reply, err := p.ask(ctx, sender, &out)
	if err == nil {
		return reply, out.codec, nil
	}
	out.failed(ctx, err)
	if p.ctx.Err() != nil {
		err = fmt.Errorf("%w: %w", ErrClosed, err)
	}
	return nil, nil, amqp.CallError(p.exchange, item.Key, err)
}

// defaultCallTimeout bounds a call if neither its context nor the configuration does.
const defaultCallTimeout = 30 * time.Second

func (p *Publisher) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	limit := cmp.Or(p.cfg.PublishTimeout, defaultCallTimeout)
	if limit < 0 {
		limit = defaultCallTimeout
	}
	return context.WithTimeout(ctx, limit)
}

// isCall is the last option of a call.
func isCall(o *outgoing) { o.call = true }

// checkCall is called before the codec, which may set a correlation id.
func (o *outgoing) checkCall() error {
	if m := &o.message; o.call && (o.delay != 0 || m.CorrelationID != "" || m.ReplyTo != "" || m.Expiration != "") {
		return fmt.Errorf("%w: a call has no options for a delay, a correlation id, a reply-to or an expiration", ErrMalformed)
	}
	return nil
}

// ask makes the message a request, which expires at the deadline of ctx.
func (o *outgoing) ask(ctx context.Context) {
	deadline, _ := ctx.Deadline()
	o.message.CorrelationID = rand.Text() // must not be guessed: a reply can be forged with it
	o.message.Expiration = strconv.FormatInt(max(time.Until(deadline).Milliseconds(), 1), 10)
	o.message.Transient = true // the request does not outlive the caller's connection
	record.SetDeadline(&o.message, deadline)
}

// ask sends the request and waits for the reply.
func (p *Publisher) ask(ctx context.Context, sender *amqp.Sender, out *outgoing) (*message.Message, error) {
	sending, span := p.tracer.Start(ctx, &out.message)
	request, err := sender.StartCall(sending, p.exchange, out.key, &out.message)
	span.End(err)
	if err != nil {
		return nil, err
	}
	defer request.End()
	receiving := p.tracer.StartReceive(ctx, out.message.CorrelationID)
	reply, err := request.Reply(ctx)
	if err == nil {
		err = remoteError(reply)
	}
	receiving.End(reply, err)
	return reply, err
}

// remoteError returns the error that the reply contains, or nil.
func remoteError(reply *message.Message) error {
	if reason := reply.Headers.String(record.HeaderReason); reason != "" {
		return &RemoteError{Reason: reason, Message: reply.Headers.String(record.HeaderError)}
	}
	return nil
}
