package deadletter

import (
	"context"
	"fmt"

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
		found := 0
		return i.Take(ctx, there.Messages, func(h *inspect.Held) (bool, error) {
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
