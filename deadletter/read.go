package deadletter

import (
	"context"
	"fmt"

	"github.com/warren-mq/warren/internal/amqp/inspect"
	"github.com/warren-mq/warren/message"
)

// Read hands the letters of the queue that the filter chooses to f in the order of the
// queue, and removes none. That is the oldest first, unless a part of more than 2,048
// letters was looked at before: see the package's documentation. An error of f ends it and is returned. Letters that arrive
// meanwhile are not read. All are out of sight of others until Read returns, which
// should be within the broker's consumer timeout (30 minutes by default).
func (c *Client) Read(ctx context.Context, queue string, filter Filter, f func(Letter) error) error {
	return c.inspect(ctx, queue, func(i *inspect.Inspection) error {
		there, err := i.State()
		if err != nil {
			return err
		}
		found := 0
		return i.Take(ctx, there.Messages, func(h *inspect.Held) (bool, error) {
			letter := open(queue, h)
			if !filter.Matches(&letter) {
				return true, nil
			}
			found++
			return found != filter.Limit, f(letter)
		})
	})
}

func open(queue string, h *inspect.Held) Letter {
	var m message.Message
	h.Fill(&m)
	return decode(queue, m)
}

// Find returns the oldest letter of that id, or ErrNotFound.
func (c *Client) Find(ctx context.Context, queue, id string) (letter Letter, err error) {
	found := false
	err = c.Read(ctx, queue, Filter{ID: id, Limit: 1}, func(l Letter) error {
		letter, found = l, true
		return nil
	})
	if err == nil && !found {
		err = fmt.Errorf("%w: %s in %s", ErrNotFound, id, queue)
	}
	return letter, err
}
