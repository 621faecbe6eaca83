package amqp

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/message"
)

// ReplyTo is the queue of RabbitMQ's direct reply-to. The broker replaces it in the reply-to
// of a message with the address of the channel.
const ReplyTo = "amq.rabbitmq.reply-to"

// IsReplyAddress reports whether a reply-to is the address of a channel. A publisher may write
// the name of any queue into the property.
//
// The pipeline publishes to such an address without the mandatory flag: RabbitMQ 3.10 and 4.0
// return a mandatory reply even if they have delivered it, and 4.3 returns none.
func IsReplyAddress(replyTo string) bool { return strings.HasPrefix(replyTo, ReplyTo+".") }

// replies is a channel that publishes requests and receives their replies.
type replies struct {
	*pipeline

	received chan struct{} // closed after the last reply

	mu      sync.Mutex
	waiting map[string]chan *message.Message // by correlation id
}

// openReplies opens a channel that consumes its direct replies.
func openReplies(ctx context.Context, s *Session, cfg Config) (*replies, error) {
	line, err := newPipeline(ctx, s, cfg.PublishTimeout, windowCount)
	if err != nil {
		return nil, err
	}
	deliveries, err := Ask(ctx, s, func() (<-chan amqp091.Delivery, error) {
		return line.ch.Consume(ReplyTo, "", true, false, false, false, nil)
	}, Closing[<-chan amqp091.Delivery](line.ch))
	if err != nil {
		if ctx.Err() == nil {
			err = errors.Join(err, s.CloseChannel(line.ch))
		}
		return nil, fmt.Errorf("broker: consume direct replies: %w", err)
	}
	r := &replies{pipeline: line, received: make(chan struct{}), waiting: make(map[string]chan *message.Message)}
	go r.receive(deliveries)
	return r, nil
}

// receive passes each reply to its call until the channel ends. A reply that comes after its
// call has ended is dropped and counted.
func (r *replies) receive(deliveries <-chan amqp091.Delivery) {
	defer close(r.received)
	for d := range deliveries {
		r.mu.Lock()
		call, ok := r.waiting[d.CorrelationId]
		delete(r.waiting, d.CorrelationId) // a second reply is late
		r.mu.Unlock()
		if !ok {
			r.session.tracer.noteLate()
			continue
		}
		m := new(message.Message)
		Fill(m, &d, ReplyTo)
		call <- m
	}
}

// expect returns the channel that receives the reply with the correlation id. ok is false if
// another line has replaced r, which may be closed then.
func (r *replies) expect(id string) (reply <-chan *message.Message, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.replaced.Load() {
		return nil, false
	}
	one := make(chan *message.Message, 1)
	r.waiting[id] = one
	return one, true
}

func (r *replies) forget(id string) {
	r.mu.Lock()
	delete(r.waiting, id)
	leave := len(r.waiting) == 0 && r.replaced.Load()
	r.mu.Unlock()
	if leave {
		go func() { _ = r.session.CloseChannel(r.ch) }() // no call waits for a reply on it
	}
}

// calls holds the channel that the calls of a sender share. It is opened by the first call.
type calls struct {
	current atomic.Pointer[replies]
	opening chan struct{} // held by the call that opens a channel
	pauses  replacements
	tests   tests
}

// usable reports whether r is open and not worn.
func (r *replies) usable() bool {
	if r == nil || r.ended() {
		return false
	}
	select {
	case <-r.worn:
		return false
	default:
		return true
	}
}

// replies returns the channel for calls, and opens another one if it has ended.
func (s *Sender) replies(ctx context.Context) (*replies, error) {
	if r := s.calls.current.Load(); r.usable() && ctx.Err() == nil {
		return r, nil
	}
	select {
	case s.calls.opening <- struct{}{}:
		defer func() { <-s.calls.opening }()
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", ErrNotConnected, context.Cause(ctx))
	}
	session, err := s.connector.Session(ctx)
	if err != nil {
		return nil, err
	}
	last := s.calls.current.Load()
	alive := last != nil && !last.ended()
	if last.usable() || alive && (s.calls.pauses.due() > 0 || session.Blocked() != "") {
		return last, nil
	}
	r, err := openReplies(ctx, session, s.connector.cfg)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotConnected, err)
	}
	s.calls.current.Store(r)
	if alive {
		s.calls.pauses.note()
		last.replaced.Store(true)
		last.forget("") // closes it if no call uses it
	}
	return r, nil
}
