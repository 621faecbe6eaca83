package amqp

import (
	"context"
	"errors"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/message"
)

// Start is the first half of Send: it sends m, and wait returns the result. Messages that
// one goroutine starts keep their order, except messages that are sent again. Each half
// takes at most Config.PublishTimeout if its context has no deadline.
func (s *Sender) Start(ctx context.Context, exchange, key string, m *message.Message) (wait func(context.Context) error, err error) {
	bounded, cancel := s.Bounded(ctx)
	defer cancel()
	started, err := s.start(bounded, exchange, key, Publishing(m))
	if err != nil {
		return nil, PublishError(exchange, key, err)
	}
	return func(ctx context.Context) error { return PublishError(exchange, key, started.wait(ctx)) }, nil
}

// posting is a message that was sent by Start and not waited for yet.
type posting struct {
	sender        *Sender
	exchange, key string
	msg           amqp091.Publishing
	sent          *inFlight // nil if the result is known
}

// start sends one message. If the message has to use a channel of its own, start also waits
// for its confirm.
func (s *Sender) start(ctx context.Context, exchange, key string, p amqp091.Publishing) (*posting, error) {
	if s.refusing.has(exchange) {
		return &posting{}, s.deliver(ctx, exchange, key, p)
	}
	sent, err := s.begin(ctx, exchange, key, p)
	if err == nil {
		return &posting{sender: s, exchange: exchange, key: key, msg: p, sent: sent}, nil
	}
	return &posting{}, s.redeliver(ctx, exchange, key, p, err)
}

// wait returns the result of the publish.
func (p *posting) wait(ctx context.Context) error {
	if p.sent == nil {
		return nil
	}
	err := p.sender.await(ctx, p.sent)
	if err == nil {
		return nil
	}
	ctx, cancel := p.sender.Bounded(ctx)
	defer cancel()
	return p.sender.redeliver(ctx, p.exchange, p.key, p.msg, err)
}

// defaultFrame is RabbitMQ's default for the largest frame, in bytes.
const defaultFrame = 128 << 10

// Check returns an error if m cannot be published, and does not publish it. The error is
// ErrMalformed or ErrTooLarge.
func Check(exchange, key string, m *message.Message) error {
	p := Publishing(m)
	return errors.Join(checkStrings(exchange, key, &p), checkSize(&p, defaultFrame))
}
