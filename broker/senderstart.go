package broker

import (
	"context"
	"errors"
	"fmt"

	"github.com/warren-mq/warren/message"
)

// Start is the first half of Send: it puts m on the wire, and wait returns its fate.
// What one goroutine starts one after the other keeps its order. Each half takes at
// most Config.PublishTimeout if its context has no deadline.
func (s *Sender) Start(ctx context.Context, exchange, key string, m *message.Message) (wait func(context.Context) error, err error) {
	explain := func(err error) error {
		if err != nil {
			return fmt.Errorf("broker: publish to exchange %q with key %q: %w", exchange, key, err)
		}
		return nil
	}
	bounded, cancel := s.bounded(ctx)
	defer cancel()
	sent, err := s.start(bounded, exchange, key, publishing(m))
	if err != nil {
		return nil, explain(err)
	}
	return func(ctx context.Context) error { return explain(s.await(ctx, sent)) }, nil
}

// defaultFrame is the largest frame of a RabbitMQ that is not told otherwise.
const defaultFrame = 128 << 10

// Check says whether m can be published, without doing so: ErrMalformed, ErrTooLarge.
func Check(exchange, key string, m *message.Message) error {
	p := publishing(m)
	return errors.Join(checkStrings(exchange, key, &p), checkSize(&p, defaultFrame))
}
