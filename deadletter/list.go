package deadletter

import (
	"context"
	"errors"
	"time"

	"github.com/warren-mq/warren/internal/amqp"
)

// Queue is the state of a dead-letter queue.
type Queue struct {
	Name      string
	WorkQueue string // derived from the name; empty if the name does not end in .dlq
	Messages  int    // ready dead letters; those that a reader holds at the moment are not counted
	Consumers int    // should be 0
	Err       error  // why this queue has no state, such as ErrNoQueue
}

// List returns the state of the given queues, in the same order. It asks the broker for
// their counts and takes no message. An error of one queue is in its Err; List returns an
// error if the connection fails or ctx is done.
func (c *Client) List(ctx context.Context, queues ...string) (list []Queue, err error) {
	session, err := amqp.Dial(ctx, amqp.Config(c.cfg), "inspect")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, session.Close()) }()
	for _, name := range queues {
		q := Queue{Name: name, WorkQueue: workQueue(name, nil, nil)}
		var state amqp.QueueState
		state, q.Err = session.State(ctx, name)
		q.Messages, q.Consumers = state.Messages, state.Consumers
		list = append(list, q)
	}
	return list, ctx.Err()
}

// Oldest returns the failure time of the dead letter at the head of the queue. It is zero
// if the queue is empty or the time is unknown. Oldest reads with a Limit of 1; for which
// dead letter is at the head see Read.
func (c *Client) Oldest(ctx context.Context, queue string) (at time.Time, err error) {
	err = c.Read(ctx, queue, Filter{Limit: 1}, func(l DeadLetter) error {
		at = l.FailedAt
		return nil
	})
	return at, err
}
