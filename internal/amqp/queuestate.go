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

// QueueState is the state of a queue that AMQP returns, without a management plugin.
type QueueState struct {
	Messages  int // ready: not delivered to a consumer
	Consumers int
}

// State returns the state of the queue. The error is ErrNoQueue if the queue does not
// exist.
func (s *Session) State(ctx context.Context, queue string) (QueueState, error) {
	states := States{session: s}
	q, err := states.Of(ctx, queue)
	return q, errors.Join(err, states.Close())
}

// States asks for the states of queues over one channel, which saves two answers of the broker for
// each. It must be closed, and is used by one goroutine.
type States struct {
	session *Session
	ch      *amqp091.Channel // nil until the next question
}

// States returns a States that opens its channel when it is first needed.
func (s *Session) States() *States { return &States{session: s} }

// Of returns the state of the queue, as Session.State does.
func (l *States) Of(ctx context.Context, queue string) (QueueState, error) {
	if l.ch == nil {
		ch, err := l.session.Channel(ctx)
		if err != nil {
			return QueueState{}, err
		}
		l.ch = ch
	}
	ch := l.ch
	var failed error // of the last call; Counted has errors of its own
	q, err := Counted(ctx, func() (q QueueState, err error) {
		q, err = Ask(ctx, l.session, func() (QueueState, error) { return StateOf(ch, queue) }, Closing[QueueState](ch))
		failed = err
		return q, err
	})
	switch {
	case errors.Is(failed, ErrNoQueue), failed != nil && ctx.Err() != nil:
		l.ch = nil // it is closed, or will be by the abandoned call
	case failed != nil:
		err = errors.Join(err, l.Close())
	}
	return q, err
}

// Close closes the channel. It waits at most 5 s for the broker's answer.
func (l *States) Close() error {
	ch := l.ch
	if l.ch = nil; ch == nil {
		return nil
	}
	return l.session.CloseChannel(ch)
}

// StateOf returns the state of the queue. It asks over ch, and an error closes ch.
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

// RabbitMQ reports a quorum queue as empty and without consumers if the queue does not
// return its counts within 250 ms (rabbit_quorum_queue:stat of 3.10 to 4.3). While the queue has
// no leader it does so at once: for 0.3 to 0.4 s after the node of the leader was killed (3.10.8,
// three nodes). Counted cannot tell that from an empty queue.
const (
	countTimeout = 250 * time.Millisecond
	countTries   = 10
)

// Counted calls count again while the answer may be the broker's default. It accepts a zero
// at the tenth answer, because the network alone may take that long.
func Counted(ctx context.Context, count func() (QueueState, error)) (q QueueState, err error) {
	for range countTries {
		asked := time.Now()
		q, err = count()
		if err != nil || q != (QueueState{}) || time.Since(asked) < countTimeout {
			return q, err
		}
		if ctx.Err() != nil {
			return q, fmt.Errorf("broker: the queue did not report its counts: %w", context.Cause(ctx))
		}
	}
	return q, nil
}

// RequeueAtOnce bounds how many messages are requeued at once. RabbitMQ 3.10 loses the
// order of more than 32 messages, and the broker's queue client loses the order of more
// than 32 pending commands (all versions). On 4.3.6, acks behind more commands than that
// were lost with their channel, too.
const RequeueAtOnce = 32

// AwaitReady waits until the queue has want ready messages, or until the deadline. If
// another consumer takes messages, the queue may never have that many.
func AwaitReady(state func() (QueueState, error), want int, deadline time.Time) (QueueState, error) {
	for {
		now, err := state()
		if err != nil || now.Messages >= want || time.Now().After(deadline) {
			return now, err
		}
		<-time.After(time.Millisecond)
	}
}
