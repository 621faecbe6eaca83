package amqp

import (
	"context"
	"fmt"
	"time"

	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
)

// Parking returns the parking queue for a message that is published to the exchange with a
// delay. It declares the queue once per session. On the default exchange, key is the name
// of a queue.
func (s *Sender) Parking(ctx context.Context, exchange, key string) (string, error) {
	t := topology.QueueParking(key)
	if exchange != "" {
		t = topology.DelayedExchange(exchange)
	}
	queue := t.Queues[0].Name
	if len(queue) > topology.MaxShortString {
		return "", fmt.Errorf("%w: delay to %q: the name of the parking queue has %d bytes, want at most %d", ErrMalformed, exchange+key, len(queue), topology.MaxShortString)
	}
	return queue, s.declareOnce(ctx, queue, topology.Shared().Merge(t))
}

// StartUntil starts to publish m and returns a function that waits for the confirm without
// a time limit. Messages that one goroutine starts keep their order, except messages that
// are sent again: see SendUntil.
func (s *Sender) StartUntil(ctx context.Context, exchange, key string, m *message.Message) (wait func(context.Context) error) {
	p := Publishing(m)
	if s.refusing.has(exchange) {
		return func(ctx context.Context) error {
			return PublishError(exchange, key, s.deliver(ctx, exchange, key, p))
		}
	}
	sent, failed := s.begin(ctx, exchange, key, p)
	return func(ctx context.Context) error {
		err := failed
		if err == nil {
			err = sent.wait(ctx, nil)
		}
		if err != nil {
			err = s.redeliver(ctx, exchange, key, p, err)
		}
		return PublishError(exchange, key, err)
	}
}

// SendToLevel publishes m to a level. The level passes it to the parking queue after that
// time.
func (s *Sender) SendToLevel(ctx context.Context, level time.Duration, queue string, m *message.Message) error {
	name := topology.LevelName(level)
	if err := s.declareOnce(ctx, name, topology.LevelTopology(level)); err != nil {
		return err
	}
	return s.SendUntil(ctx, name, queue, m)
}

// SendUnrouted publishes m to the queue for messages without a destination.
func (s *Sender) SendUnrouted(ctx context.Context, key string, m *message.Message) error {
	if err := s.declareOnce(ctx, topology.UnroutedQueue, topology.Unrouted()); err != nil {
		return err
	}
	return s.SendUntil(ctx, topology.UnroutedQueue, key, m)
}
