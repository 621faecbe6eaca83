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
	WorkQueue string // by its name; empty if that does not tell
	Letters   int    // letters that an inspection holds are not counted
	Consumers int    // a dead-letter queue should have none
	Err       error  // such as ErrNoQueue
}

// List returns the state of the queues, in their order. It asks the broker for their
// counts and takes no message. A fault of one queue is in its Err; the error is for all.
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
		q.Letters, q.Consumers = state.Messages, state.Consumers
		list = append(list, q)
	}
	return list, ctx.Err()
}

// Oldest returns when the letter at the head of the queue failed; zero if there is none,
// or if that is not known. It is a look with a Limit of 1: see Read for which letter that
// is.
func (c *Client) Oldest(ctx context.Context, queue string) (at time.Time, err error) {
	err = c.Read(ctx, queue, Filter{Limit: 1}, func(l Letter) error {
		at = l.FailedAt
		return nil
	})
	return at, err
}
