package amqp

import (
	"context"
	"errors"
	"fmt"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"
)

// ErrNoQueue is returned for a queue that does not exist.
var ErrNoQueue = errors.New("broker: no such queue")

// QueueState is what AMQP tells of a queue, without a management plugin.
type QueueState struct {
	Messages  int // ready: on no consumer's hands
	Consumers int
}

// State asks for the state of the queue; ErrNoQueue if there is none.
func (s *Session) State(ctx context.Context, queue string) (QueueState, error) {
	ch, err := s.Channel(ctx)
	if err != nil {
		return QueueState{}, err
	}
	q, err := Counted(ctx, func() (QueueState, error) {
		return Ask(ctx, s, func() (QueueState, error) { return StateOf(ch, queue) }, Closing[QueueState](ch))
	})
	if errors.Is(err, ErrNoQueue) || err != nil && ctx.Err() != nil {
		return q, err // the channel is closed, or will be by the abandoned call
	}
	return q, errors.Join(err, s.CloseChannel(ch))
}

// StateOf asks for the state of the queue on ch, which an error closes.
func StateOf(ch *amqp091.Channel, queue string) (QueueState, error) {
	q, err := ch.QueueDeclarePassive(queue, true, false, false, false, nil)
	if Code(err) == amqp091.NotFound {
		return QueueState{}, fmt.Errorf("%w: %s", ErrNoQueue, queue)
	}
	if err != nil {
		return QueueState{}, fmt.Errorf("broker: state of %s: %w", queue, err)
	}
	return QueueState{Messages: q.Messages, Consumers: q.Consumers}, nil
}

// A quorum queue that does not tell its counts within 250 ms is reported as empty and
// without consumers (rabbit_quorum_queue:stat of 3.10 to 4.3).
const (
	countTimeout = 250 * time.Millisecond
	countTries   = 10
)

// Counted asks again while the answer may be the broker's default. A zero is believed
// at the tenth answer: the network alone may take so long.
func Counted(ctx context.Context, count func() (QueueState, error)) (q QueueState, err error) {
	for range countTries {
		asked := time.Now()
		q, err = count()
		if err != nil || q != (QueueState{}) || time.Since(asked) < countTimeout {
			return q, err
		}
		if ctx.Err() != nil {
			return q, fmt.Errorf("broker: the queue did not tell its counts: %w", context.Cause(ctx))
		}
	}
	return q, nil
}

// RequeueAtOnce bounds how many messages are requeued at once. RabbitMQ 3.10 forgets the
// order of more than 32 of them, and the broker's queue client forgets the order of more
// than 32 commands under way (all versions). On 4.3.6 acks behind so many were lost with
// their channel, too.
const RequeueAtOnce = 32

// AwaitReady waits until the queue has want ready messages, or until the deadline: if
// someone else consumes, the count says nothing.
func AwaitReady(state func() (QueueState, error), want int, deadline time.Time) (QueueState, error) {
	for {
		now, err := state()
		if err != nil || now.Messages >= want || time.Now().After(deadline) {
			return now, err
		}
		<-time.After(time.Millisecond)
	}
}
