package amqp

import (
	"context"
	"errors"
	"fmt"

	"github.com/warren-mq/warren/message"
)

// Request is a message whose reply is waited for.
type Request struct {
	line  *replies
	id    string
	reply <-chan *message.Message
	early *message.Message // the reply, if it has come before the confirm
}

// StartCall publishes m as Send does, with the address of a channel for its reply, and returns
// when the broker has confirmed it or the reply is there. The correlation id must be unique. It
// sends m only once: a request that was lost with its channel may have been handled. End must
// be called.
func (s *Sender) StartCall(ctx context.Context, exchange, key string, m *message.Message) (*Request, error) {
	line, alone, err := s.repliesFor(ctx, exchange)
	if err != nil {
		return nil, err
	}
	m.ReplyTo = ReplyTo
	r := &Request{line: line, id: m.CorrelationID, reply: line.expect(m.CorrelationID)}
	if err := r.publish(ctx, exchange, key, m); err != nil {
		r.End()
		return nil, s.judge(exchange, key, err)
	}
	if alone {
		s.refusing.remove(exchange)
	}
	return r, nil
}

// repliesFor returns the channel for a call. It is a channel of its own if the exchange has
// refused a message recently: another refusal would end the calls of others.
func (s *Sender) repliesFor(ctx context.Context, exchange string) (line *replies, alone bool, err error) {
	if !s.refusing.has(exchange) {
		line, err = s.replies(ctx)
		return line, false, err
	}
	session, err := s.connector.Session(ctx)
	if err != nil {
		return nil, false, err
	}
	if line, err = openReplies(ctx, session, s.connector.cfg); err != nil {
		return nil, false, fmt.Errorf("%w: %w", ErrNotConnected, err)
	}
	line.replaced.Store(true) // End closes it
	return line, true, nil
}

// publish sends the request and waits for its confirm or its reply.
func (r *Request) publish(ctx context.Context, exchange, key string, m *message.Message) error {
	sent, err := r.line.publish(ctx, exchange, key, Publishing(m))
	if err != nil {
		return err
	}
	select {
	case <-sent.confirm.Done():
		return sent.outcome()
	case r.early = <-r.reply:
		sent.given.Store(true)
		return nil
	case <-ctx.Done():
		sent.given.Store(true)
		return r.line.explain(context.Cause(ctx))
	}
}

// Reply waits for the reply. The error is ErrNotConnected if the channel is lost before, or
// the error of ctx.
func (r *Request) Reply(ctx context.Context) (*message.Message, error) {
	if r.early != nil {
		return r.early, nil
	}
	select {
	case m := <-r.reply:
		return m, nil
	case <-r.line.done:
		return nil, r.lost()
	case <-ctx.Done():
		return nil, fmt.Errorf("no reply in time: %w", context.Cause(ctx))
	}
}

// lost returns the error of a request whose channel has ended.
func (r *Request) lost() error {
	r.line.pipeline.mu.Lock()
	defer r.line.pipeline.mu.Unlock()
	return fmt.Errorf("the connection was lost before the reply, and the request may have been handled: %w", r.line.closed)
}

// End forgets the request. A reply that comes later is dropped.
func (r *Request) End() { r.line.forget(r.id) }

// CallError wraps err with the exchange and the routing key of the request. It returns nil for
// nil.
func CallError(exchange, key string, err error) error {
	if err == nil {
		return nil
	}
	if again, ok := errors.AsType[*againError](err); ok { // no caller may send it again
		err = again.cause
	}
	return fmt.Errorf("broker: call exchange %q with key %q: %w", exchange, key, err)
}
