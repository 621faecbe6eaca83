package deadletter

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"golang.org/x/time/rate"

	"github.com/warren-mq/warren/codec/seal"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/amqp/inspect"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
)

// Edit describes how to change a dead letter before it is replayed.
type Edit struct {
	// Body replaces the body, and removes the content encoding. Nil keeps both.
	Body []byte
	// Headers are set on the message. A nil value removes the header. Headers that Warren
	// or RabbitMQ writes itself, such as x-death, are an error.
	Headers message.Headers
	// Check is called with the edited message. If it returns an error, the message is not
	// published. Nil accepts every message.
	Check func(*message.Message) error
	// By is written to a header of the message, as in Replay.
	By string
}

// Edit changes the oldest dead letter with the given id, replays it with a new message
// id, and returns the new id. The header warren-edited-from contains the old id. Edit
// removes the dead letter once the broker has confirmed the edited message. If the check
// fails, the dead letter stays unchanged. If the queue has no dead letter with this id,
// Edit returns ErrNotFound. A dead letter whose body is sealed (package codec/seal) cannot be
// edited, because the seal is bound to the message id.
func (c *Client) Edit(ctx context.Context, queue, id string, e Edit) (newID string, err error) {
	for name := range e.Headers {
		if err := record.CheckHeader(name); err != nil {
			return "", fmt.Errorf("deadletter: edit message %s of queue %s: %w", id, queue, err)
		}
	}
	err = c.inspect(ctx, queue, func(i *inspect.Inspection) error {
		return c.send(ctx, func(out *amqp.Sender) error {
			s := &sweep{inspection: i, queue: queue, filter: Filter{ID: id}, pace: rate.NewLimiter(rate.Inf, 1)}
			s.act = func(ctx context.Context, l *DeadLetter) (func(context.Context) error, error) {
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
				err = fmt.Errorf("%w: message %s in queue %s", ErrNotFound, id, queue)
			}
			return err
		})
	})
	if err != nil {
		return "", err
	}
	return newID, nil
}

// apply returns the edited message.
func (e Edit) apply(l *DeadLetter) (*message.Message, error) {
	if l.WorkQueue == "" {
		return nil, errNoWorkQueue
	}
	if _, sealed := seal.KeyID(&l.Message); sealed {
		return nil, fmt.Errorf("%w: the body is sealed for this message id; replay the dead letter, or publish a new message", errRefused)
	}
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("deadletter: generate a message id: %w", err)
	}
	m := revived(l, e.By)
	m.ID = id.String()
	m.Headers[record.HeaderEditedFrom] = l.ID
	if e.Body != nil {
		m.Body, m.ContentEncoding = e.Body, ""
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
