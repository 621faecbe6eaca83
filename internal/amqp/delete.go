package amqp

import (
	"context"
	"errors"
	"fmt"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/topology"
)

// QueueInUseError says that a queue was not deleted because it has messages or consumers.
type QueueInUseError struct {
	Queue string
	State QueueState // zero if the broker refused without giving the state
}

// Error names the queue and gives the number of its messages and consumers.
func (e *QueueInUseError) Error() string {
	return fmt.Sprintf("broker: queue %s is in use: %d messages, %d consumers", e.Queue, e.State.Messages, e.State.Consumers)
}

// DeleteQueue deletes a queue with all its messages, and returns how many were ready. It
// returns no error if the queue does not exist.
func (s *Session) DeleteQueue(ctx context.Context, queue string) (messages int, err error) {
	return s.deleteQueue(ctx, queue, false)
}

// DeleteUnusedQueue deletes a queue that has neither ready messages nor consumers.
// Otherwise it returns a *QueueInUseError and changes nothing. It returns no error if the
// queue does not exist.
//
// If the arguments of the queue say that it is classic, the broker checks the condition at
// the moment of the delete. Quorum queues do not support the condition, so their state is
// read first. Messages published in between are deleted, and messages is their number. A quorum
// queue without a leader is not deleted: the error closes the connection.
func (s *Session) DeleteUnusedQueue(ctx context.Context, q topology.Queue) (messages int, err error) {
	state, err := s.State(ctx, q.Name)
	kind := q.Arguments["x-queue-type"]
	if err == nil && state == (QueueState{}) && kind != topology.Classic && kind != topology.Stream {
		state, err = s.stateOfLeader(ctx, q.Name)
	}
	switch {
	case errors.Is(err, ErrNoQueue):
		return 0, nil
	case err != nil:
		return 0, err
	case state != QueueState{}:
		return 0, &QueueInUseError{Queue: q.Name, State: state}
	}
	messages, err = s.deleteQueue(ctx, q.Name, kind == topology.Classic)
	if Code(err) == amqp091.PreconditionFailed {
		return 0, &QueueInUseError{Queue: q.Name}
	}
	return messages, err
}

// stateOfLeader returns the state of a queue that was reported as empty. A quorum queue without a
// leader is reported so, but a read of it fails.
func (s *Session) stateOfLeader(ctx context.Context, queue string) (QueueState, error) {
	found, err := s.hasMessage(ctx, queue)
	if err != nil {
		return QueueState{}, err
	}
	state, err := s.State(ctx, queue)
	if found {
		state.Messages = max(state.Messages, 1)
	}
	return state, err
}

// hasMessage reads a message of a queue, requeues it, and reports whether there was one. It reports
// false for a quorum queue with a single active consumer, whose leader refuses the read.
func (s *Session) hasMessage(ctx context.Context, queue string) (found bool, err error) {
	ch, err := s.Channel(ctx)
	if err != nil {
		return false, err
	}
	found, err = Ask(ctx, s, func() (bool, error) {
		_, ok, err := ch.Get(queue, false)
		return ok, err
	}, Closing[bool](ch))
	switch {
	case Code(err) == amqp091.ResourceLocked:
		return false, nil
	case err != nil:
		return false, fmt.Errorf("broker: read queue %s, to see whether it is empty: %w", queue, err)
	}
	return found, s.CloseChannel(ch)
}

// deleteQueue deletes a queue. If condition is true, it does so only if the queue is unused
// and empty.
func (s *Session) deleteQueue(ctx context.Context, queue string, condition bool) (messages int, err error) {
	ch, err := s.Channel(ctx)
	if err != nil {
		return 0, err
	}
	messages, err = Ask(ctx, s, func() (int, error) { return ch.QueueDelete(queue, condition, condition, false) }, Closing[int](ch))
	if err != nil {
		return 0, fmt.Errorf("broker: delete queue %s: %w", queue, err)
	}
	return messages, s.CloseChannel(ch)
}

// Unbind removes bindings, which must be given with the arguments they were made with. It
// returns no error for a binding that does not exist.
func (s *Session) Unbind(ctx context.Context, bindings ...topology.Binding) error {
	if err := (topology.Topology{Bindings: bindings}).Validate(); err != nil {
		return err
	}
	ch, err := s.Channel(ctx)
	if err != nil {
		return err
	}
	return s.Call(ctx, func() error {
		for _, b := range bindings {
			if err := unbind(ch, b); err != nil {
				return fmt.Errorf("broker: unbind %s%s from exchange %s by %q: %w", b.Queue, b.ToExchange, b.Exchange, b.Key, err)
			}
		}
		return ch.Close()
	}, ch.Close)
}

func unbind(ch *amqp091.Channel, b topology.Binding) error {
	if b.ToExchange != "" {
		return ch.ExchangeUnbind(b.ToExchange, b.Key, b.Exchange, false, table(b.Arguments))
	}
	return ch.QueueUnbind(b.Queue, b.Key, b.Exchange, table(b.Arguments))
}
