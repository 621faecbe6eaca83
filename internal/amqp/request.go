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
	r, end, err := s.newRequest(ctx, exchange, m)
	if err != nil {
		return nil, err
	}
	m.ReplyTo = ReplyTo
	err = r.publish(ctx, exchange, key, m)
	if end != nil {
		end(!r.line.ended() && ctx.Err() == nil)
	}
	if err != nil {
		if r.line.ended() {
			s.calls.tests.forget(exchange)
		}
		r.End()
		return nil, s.judge(exchange, key, err)
	}
	return r, nil
}

// newRequest returns a request that waits for its reply on the channel that calls share, or on one
// of its own if the broker may refuse m: a refusal ends all calls on its channel. If end is not
// nil, it must be called with whether the exchange has taken m.
func (s *Sender) newRequest(ctx context.Context, exchange string, m *message.Message) (r *Request, end func(taken bool), err error) {
	switch {
	case s.refusing.has(exchange):
		end = func(taken bool) {
			if taken {
				s.refusing.remove(exchange)
			}
		}
	case !mayBeRefused(m):
		var tested bool
		end, tested, err = s.calls.tests.begin(ctx, s.connector, exchange)
		if err == nil && tested {
			r, err = s.sharedRequest(ctx, m.CorrelationID)
		}
		if err != nil || tested {
			return r, nil, err
		}
	}
	if r, err = s.ownRequest(ctx, m.CorrelationID); err != nil && end != nil {
		end(false)
	}
	return r, end, err
}

// mayBeRefused reports whether the broker may refuse m for another reason than its exchange.
func mayBeRefused(m *message.Message) bool {
	_, cc := m.Headers["CC"]
	_, bcc := m.Headers["BCC"]
	return cc || bcc || m.UserID != "" || len(m.Body) > largeRequest
}

// largeRequest is a size in bytes. RabbitMQ takes bodies of up to 16 MiB by default, or 128 MiB
// before 4.0, and may be configured to take less.
const largeRequest = 1 << 20

// sharedRequest returns a request on the channel that calls share.
func (s *Sender) sharedRequest(ctx context.Context, id string) (*Request, error) {
	for {
		line, err := s.replies(ctx)
		if err != nil {
			return nil, err
		}
		if reply, ok := line.expect(id); ok {
			return &Request{line: line, id: id, reply: reply}, nil
		}
	}
}

// ownRequest returns a request on a channel of its own.
func (s *Sender) ownRequest(ctx context.Context, id string) (*Request, error) {
	session, err := s.connector.Session(ctx)
	if err != nil {
		return nil, err
	}
	line, err := openReplies(ctx, session, s.connector.cfg)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotConnected, err)
	}
	reply, _ := line.expect(id)
	line.replaced.Store(true) // End closes it
	return &Request{line: line, id: id, reply: reply}, nil
}

// publish sends the request and waits for its confirm or its reply.
func (r *Request) publish(ctx context.Context, exchange, key string, m *message.Message) error {
	sent, err := r.line.publish(ctx, exchange, key, Publishing(m))
	if err != nil {
		return err
	}
	select {
	case <-sent.confirm.Done():
		err := sent.outcome()
		if r.line.ended() {
			if r.early = r.arrived(); r.early != nil {
				return nil
			}
		}
		return err
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
		if m := r.arrived(); m != nil {
			return m, nil
		}
		return nil, r.lost()
	case <-ctx.Done():
		return nil, fmt.Errorf("no reply in time: %w", context.Cause(ctx))
	}
}

// arrived returns the reply that has come before the channel ended, or nil.
func (r *Request) arrived() *message.Message {
	<-r.line.received
	select {
	case m := <-r.reply:
		return m
	default:
		return nil
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
