package broker

import (
	"context"
	"errors"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// QueueState is what AMQP tells of a queue, without a management plugin.
type QueueState struct {
	Messages  int // ready: on no consumer's hands
	Consumers int
}

// State asks for the state of the queue; ErrNoQueue if there is none.
func (s *Session) State(ctx context.Context, queue string) (QueueState, error) {
	ch, err := s.channel(ctx)
	if err != nil {
		return QueueState{}, err
	}
	q, err := ask(ctx, s, func() (QueueState, error) { return stateOf(ch, queue) }, closing[QueueState](ch))
	if errors.Is(err, ErrNoQueue) || err != nil && ctx.Err() != nil {
		return q, err // the channel is closed, or will be by the abandoned call
	}
	return q, errors.Join(err, s.closeChannel(ch))
}

func stateOf(ch *amqp.Channel, queue string) (QueueState, error) {
	q, err := ch.QueueDeclarePassive(queue, true, false, false, false, nil)
	if amqpCode(err) == amqp.NotFound {
		return QueueState{}, fmt.Errorf("%w: %s", ErrNoQueue, queue)
	}
	if err != nil {
		return QueueState{}, fmt.Errorf("broker: state of %s: %w", queue, err)
	}
	return QueueState{Messages: q.Messages, Consumers: q.Consumers}, nil
}
