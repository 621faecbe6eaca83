package ladder

import (
	"context"
	"errors"
	"fmt"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/internal/amqp"
)

// Found is what exists of a ladder.
type Found struct {
	Messages [levels]int // ready messages by level; -1 if the queue of the level does not exist
	Exit     bool        // the exchange at the end of the ladder exists
	Ends     []string    // queues between the end and an exchange or a queue
}

// Total returns the number of ready messages.
func (f Found) Total() (n int) {
	for _, messages := range f.Messages {
		n += max(messages, 0)
	}
	return n
}

// Queues returns the number of levels whose queues exist.
func (f Found) Queues() (n int) {
	for _, messages := range f.Messages {
		if messages >= 0 {
			n++
		}
	}
	return n
}

// Exists reports whether a part of the ladder exists.
func (f Found) Exists() bool { return f.Exit || f.Queues() > 0 || len(f.Ends) > 0 }

// Find returns what exists of a ladder. AMQP cannot list queues, so Find looks for the
// queues between the ladder and these exchanges and queues.
func Find(ctx context.Context, s *amqp.Session, exchanges, queues []string) (f Found, err error) {
	for k := range levels {
		state, err := s.State(ctx, Level(k))
		if err != nil && !errors.Is(err, amqp.ErrNoQueue) {
			return f, err
		}
		f.Messages[k] = state.Messages
		if err != nil {
			f.Messages[k] = -1
		}
	}
	if f.Exit, err = exchangeExists(ctx, s, exit); err != nil {
		return f, err
	}
	names := make(map[string]bool)
	for _, x := range exchanges {
		names[toExchange+x] = x != ""
	}
	for _, q := range queues {
		names[toQueue+q] = true
	}
	f.Ends, err = existing(ctx, s, names)
	return f, err
}

// existing returns the queues of these names that exist.
func existing(ctx context.Context, s *amqp.Session, names map[string]bool) (found []string, err error) {
	for _, name := range sorted(names) {
		_, err := s.State(ctx, name)
		switch {
		case err == nil:
			found = append(found, name)
		case !errors.Is(err, amqp.ErrNoQueue):
			return nil, err
		}
	}
	return found, nil
}

func exchangeExists(ctx context.Context, s *amqp.Session, name string) (bool, error) {
	err := call(ctx, s, func(ch *amqp091.Channel) error {
		return ch.ExchangeDeclarePassive(name, amqp091.ExchangeTopic, true, false, false, false, nil)
	})
	if amqp.Code(err) == amqp091.NotFound {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("broker: look for exchange %s: %w", name, err)
	}
	return true, nil
}

// call runs an RPC on a channel of its own.
func call(ctx context.Context, s *amqp.Session, rpc func(*amqp091.Channel) error) error {
	ch, err := s.Channel(ctx)
	if err != nil {
		return err
	}
	if err := s.Call(ctx, func() error { return rpc(ch) }, ch.Close); err != nil {
		return err
	}
	return s.CloseChannel(ch)
}
