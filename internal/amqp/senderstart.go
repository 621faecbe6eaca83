package amqp

import (
	"context"
	"errors"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/message"
)

// Start is the first half of Send: it puts m on the wire, and wait returns its fate.
// What one goroutine starts one after the other keeps its order, but for messages that
// are sent again. Each half takes at most Config.PublishTimeout if its context has no
// deadline.
func (s *Sender) Start(ctx context.Context, exchange, key string, m *message.Message) (wait func(context.Context) error, err error) {
	bounded, cancel := s.Bounded(ctx)
	defer cancel()
	started, err := s.start(bounded, exchange, key, Publishing(m))
	if err != nil {
		return nil, PublishError(exchange, key, err)
	}
	return func(ctx context.Context) error { return PublishError(exchange, key, started.wait(ctx)) }, nil
}

// posting is a message whose first half of Send is done.
type posting struct {
	sender        *Sender
	exchange, key string
	msg           amqp091.Publishing
	sent          *inFlight // nil if its fate is known
}

// start puts one message on the wire, unless it has to go alone.
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

// wait returns the message's fate.
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

// defaultFrame is the largest frame of a RabbitMQ that is not told otherwise.
const defaultFrame = 128 << 10

// Check says whether m can be published, without doing so: ErrMalformed, ErrTooLarge.
func Check(exchange, key string, m *message.Message) error {
	p := Publishing(m)
	return errors.Join(checkStrings(exchange, key, &p), checkSize(&p, defaultFrame))
}
