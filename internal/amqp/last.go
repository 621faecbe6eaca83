package amqp

import (
	"context"

	amqp091 "github.com/rabbitmq/amqp091-go"
)

// ReadLast returns the body of the first message of a queue, and leaves the message there. Use it
// for queues that keep only their latest message (x-max-length 1). It returns false if the queue does not
// exist, has no message, or another process reads it at this moment.
func (s *Session) ReadLast(ctx context.Context, queue string) (body []byte, ok bool, err error) {
	ch, err := s.Channel(ctx)
	if err != nil {
		return nil, false, err
	}
	type getResult struct {
		message amqp091.Delivery
		ok      bool
	}
	got, err := Ask(ctx, s, func() (g getResult, err error) {
		g.message, g.ok, err = ch.Get(queue, false)
		return g, err
	}, Closing[getResult](ch))
	if err == nil {
		err = s.CloseChannel(ch) // the broker takes the message back
	}
	if Code(err) == amqp091.NotFound {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	return got.message.Body, got.ok, nil
}
