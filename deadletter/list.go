package deadletter

import (
	"context"
	"errors"
	"time"

	"github.com/warren-mq/warren/broker"
)

// Queue is the state of a dead-letter queue.
type Queue struct {
	Name      string
	WorkQueue string    // by its name; empty if that does not tell
	Letters   int       // what an inspection holds is not counted
	Consumers int       // of others: a dead-letter queue should have none
	Oldest    time.Time // when the letter at its head failed; zero if it is not known
	Err       error     // such as broker.ErrNoQueue, or broker.ErrInspected for an unknown Oldest
}

// List returns the state of the queues, in their order. What is wrong with one of them
// is said there; the error is for all. To know the oldest letter a queue is looked
// into: in full, if it was looked into before, for the order's sake.
func (c *Client) List(ctx context.Context, queues ...string) (list []Queue, err error) {
	session, err := broker.Dial(ctx, c.cfg, "inspect")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, session.Close()) }()
	for _, name := range queues {
		q := Queue{Name: name, WorkQueue: workQueue(name, nil, nil)}
		var state broker.QueueState
		if state, q.Err = session.State(ctx, name); state.Messages > 0 {
			q.Oldest, q.Err = c.oldest(ctx, name)
		}
		q.Letters, q.Consumers = state.Messages, state.Consumers
		list = append(list, q)
	}
	return list, ctx.Err()
}

func (c *Client) oldest(ctx context.Context, queue string) (at time.Time, err error) {
	err = c.Read(ctx, queue, Filter{Limit: 1}, func(l Letter) error {
		at = l.FailedAt
		return nil
	})
	return at, err
}
