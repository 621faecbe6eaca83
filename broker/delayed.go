package broker

import (
	"context"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// delayTargets remembers which ends of the ladder were declared in a session.
type delayTargets struct {
	session *Session
	queues  map[string]bool
}

// maxLadderName is what the delay's bits leave of a routing key.
const maxLadderName = 255 - 2*ladderLevels

// delayTarget returns the queue the ladder hands a delayed message to, and makes
// sure, once a session, that it gets there.
func (p *Publisher) delayTarget(ctx context.Context, s *Sender, key string) (string, error) {
	session, err := s.connector.Session(ctx)
	if err != nil {
		return "", err
	}
	way := delayedQueue(key) // on the default exchange a key is a queue's name
	if p.exchange != "" {
		way = delayedExchange(p.exchange)
	}
	queue := way.Queues[0].Name
	if len(queue) > maxLadderName {
		return "", fmt.Errorf("broker: delay to %q: the name of the queue has %d bytes, want at most %d", queue, len(queue), maxLadderName)
	}
	if p.knownTarget(session, queue) {
		return queue, nil
	}
	if err := session.Declare(ctx, Ladder().Merge(way)); err != nil {
		if amqpCode(err) == amqp.NotFound {
			err = fmt.Errorf("%w: %w", ErrUnroutable, err)
		}
		return "", err
	}
	p.rememberTarget(session, queue)
	return queue, nil
}

func (p *Publisher) knownTarget(session *Session, queue string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.delayed.session == session && p.delayed.queues[queue]
}

func (p *Publisher) rememberTarget(session *Session, queue string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.delayed.session != session {
		p.delayed = delayTargets{session: session, queues: make(map[string]bool)}
	}
	p.delayed.queues[queue] = true
}
