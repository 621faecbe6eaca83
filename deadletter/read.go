package deadletter

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/amqp/inspect"
	"github.com/warren-mq/warren/message"
)

// Read calls f for each dead letter that matches the filter, in the order of the queue,
// and removes none of them. The oldest comes first, unless a part of more than 2,048 dead
// letters was read before: see the package's documentation. If f returns an error, Read
// stops and returns it. Dead letters that arrive during the call are not read. Until Read
// returns, other clients do not see the dead letters that it holds. It should return
// within the broker's consumer timeout (30 minutes by default).
func (c *Client) Read(ctx context.Context, queue string, filter Filter, f func(DeadLetter) error) error {
	return c.inspect(ctx, queue, func(i *inspect.Inspection) error {
		there, err := i.State()
		if err != nil {
			return err
		}
		found, n := 0, there.Messages
		if filter.Limit > 0 && filter.matchesAll() {
			n = min(n, filter.Limit) // so that no more are received
		}
		return i.Read(ctx, n, func(h *inspect.Held) (bool, error) {
			deadLetter := open(queue, h)
			if !filter.Matches(&deadLetter) {
				return true, nil
			}
			found++
			return found != filter.Limit, f(deadLetter)
		})
	})
}

func open(queue string, h *inspect.Held) DeadLetter {
	var m message.Message
	h.Fill(&m)
	return decode(queue, m)
}

// Find returns the oldest dead letter with the given id, or ErrNotFound.
func (c *Client) Find(ctx context.Context, queue, id string) (deadLetter DeadLetter, err error) {
	found := false
	err = c.Read(ctx, queue, Filter{ID: id, Limit: 1}, func(l DeadLetter) error {
		deadLetter, found = l, true
		return nil
	})
	if err == nil && !found {
		err = fmt.Errorf("%w: message %s in queue %s", ErrNotFound, id, queue)
	}
	return deadLetter, err
}

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
