package worker

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/warren-mq/warren/internal/amqp"
)

const (
	depthInterval = 10 * time.Second // the least time between two counts of a queue
	depthAge      = 5 * time.Minute  // older counts are not reported
)

// depth is the number of messages of a queue and of its dead-letter queue. They are counted
// after a collection of metrics, for the next one.
type depth struct {
	ask chan struct{} // holds one token: a count is wanted

	mu   sync.Mutex
	last *counts // nil until the broker has reported it
	at   time.Time
}

type counts struct {
	queue       amqp.QueueState
	deadLetters int
	counted     bool // the dead-letter queue exists
}

func newDepth() depth { return depth{ask: make(chan struct{}, 1)} }

// collect returns the last counts, or nil, and asks for the next ones.
func (d *depth) collect(now time.Time) *counts {
	d.mu.Lock()
	defer d.mu.Unlock()
	if now.Sub(d.at) >= depthInterval {
		select {
		case d.ask <- struct{}{}:
		default:
		}
	}
	if now.Sub(d.at) > depthAge {
		return nil
	}
	return d.last
}

func (d *depth) set(c *counts) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last, d.at = c, time.Now()
}

// countAgain counts the queue when metrics are collected, until ctx is done. Since
// RabbitMQ 4.2.6 a user without any permission for the name of a queue may not count it.
func (q *Subscription) countAgain(ctx context.Context) {
	for {
		select {
		case <-q.depth.ask:
		case <-ctx.Done():
			return
		}
		session, _ := q.worker.connections.consuming.Current()
		if session == nil {
			continue
		}
		c, err := q.count(ctx, session)
		q.depth.set(c)
		if err != nil && ctx.Err() == nil && session.Err() == nil {
			q.worker.log.Debug("worker: queue not counted for metrics", "queue", q.config.Name, "error", err)
		}
	}
}

// count returns the counts of the queue, or nil and the reason why the broker does not report
// them.
func (q *Subscription) count(ctx context.Context, s *amqp.Session) (*counts, error) {
	ctx, cancel := context.WithTimeout(ctx, declareTimeout)
	defer cancel()
	state, err := s.State(ctx, q.queueName())
	if err != nil {
		return nil, err
	}
	for _, p := range q.partitions {
		part, err := s.State(ctx, p.queueName())
		if err != nil {
			return nil, err
		}
		state.Messages += part.Messages
	}
	c := &counts{queue: state}
	dlq := q.workQueue().DeadLetterQueue()
	if dlq == "" {
		return c, nil
	}
	dead, err := s.State(ctx, dlq)
	if errors.Is(err, amqp.ErrNoQueue) {
		return c, nil
	}
	c.deadLetters, c.counted = dead.Messages, err == nil
	return c, err
}
