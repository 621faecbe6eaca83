package deadletter

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"golang.org/x/time/rate"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/amqp/inspect"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
)

// Edit says how a letter is changed before it is replayed.
type Edit struct {
	// Body replaces the body; nil leaves it.
	Body []byte
	// Headers are set; a nil value removes the header. Those that Warren or RabbitMQ
	// writes by itself (record.IsOwn, x-death and the like) are an error.
	Headers message.Headers
	// Check may refuse the message as it is to be published; nil checks nothing.
	Check func(*message.Message) error
	// By is noted on the message, as in Replay.
	By string
}

// Edit changes the oldest letter of that id and replays it under a new message id,
// which it returns. The header warren-edited-from has the old one. The letter is
// removed once the broker has confirmed the edited message; if that does not pass
// the check, nothing happens. ErrNotFound says that there is no such letter.
func (c *Client) Edit(ctx context.Context, queue, id string, e Edit) (newID string, err error) {
	for name := range e.Headers {
		if err := record.CheckHeader(name); err != nil {
			return "", fmt.Errorf("deadletter: edit letter %s of %s: %w", id, queue, err)
		}
	}
	err = c.inspect(ctx, queue, func(i *inspect.Inspection) error {
		return c.send(ctx, func(out *amqp.Sender) error {
			s := &sweep{inspection: i, queue: queue, filter: Filter{ID: id}, pace: rate.NewLimiter(rate.Inf, 1)}
			s.act = func(ctx context.Context, l *Letter) (func(context.Context) error, error) {
				m, err := e.apply(l)
				if err != nil {
					return nil, err
				}
				newID = m.ID
				return out.Start(ctx, "", l.WorkQueue, m)
			}
			if err := s.begin(ctx); err != nil {
				return err
			}
			err := s.run(ctx, 1)
			if err == nil && s.result.Done == 0 {
				err = fmt.Errorf("%w: %s in %s", ErrNotFound, id, queue)
			}
			return err
		})
	})
	if err != nil {
		return "", err
	}
	return newID, nil
}

// apply makes the edited message.
func (e Edit) apply(l *Letter) (*message.Message, error) {
	if l.WorkQueue == "" {
		return nil, errNoWorkQueue
	}
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("deadletter: message id: %w", err)
	}
	m := revived(l, e.By)
	m.ID = id.String()
	m.Headers[record.HeaderEditedFrom] = l.ID
	if e.Body != nil {
		m.Body = e.Body
	}
	for name, value := range e.Headers {
		if m.Headers[name] = value; value == nil {
			delete(m.Headers, name)
		}
	}
	if e.Check != nil {
		if err := e.Check(m); err != nil {
			return nil, fmt.Errorf("%w: %w", errRefused, err)
		}
	}
	return m, nil
}
