package amqp

import (
	"context"
	"errors"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/topology"
)

// Verify asks by passive declarations whether the exchanges and queues of t exist, and changes
// nothing. The error joins a *topology.MissingError for each one that does not exist. Refused
// are the names that the broker does not answer for, because the user lacks a permission.
func (s *Session) Verify(ctx context.Context, t topology.Topology) (refused []topology.DeclarationError, err error) {
	if err := t.Validate(); err != nil {
		return nil, err
	}
	p := prober{session: s}
	defer func() { err = errors.Join(err, p.close()) }()
	var missing []error
	verify := func(kind, name string, passive func(*amqp091.Channel) error) error {
		switch err := p.ask(ctx, passive); {
		case err == nil, Code(err) == amqp091.ResourceLocked: // it exists, and is another connection's
			return nil
		case Code(err) == amqp091.NotFound:
			missing = append(missing, &topology.MissingError{Kind: kind, Name: name, Err: err})
			return nil
		case Code(err) == amqp091.AccessRefused:
			refused = append(refused, topology.DeclarationError{Kind: kind, Name: name, Err: err})
			return nil
		default:
			return declareError(kind, name, err)
		}
	}
	for _, x := range t.Exchanges {
		if err := verify("exchange", x.Name, passiveExchange(x)); err != nil {
			return refused, err
		}
	}
	for _, q := range t.Queues {
		if err := verify("queue", q.Name, passiveQueue(q)); err != nil {
			return refused, err
		}
	}
	return refused, errors.Join(missing...)
}

func passiveExchange(x topology.Exchange) func(*amqp091.Channel) error {
	return func(ch *amqp091.Channel) error {
		return ch.ExchangeDeclarePassive(x.Name, x.Kind, true, false, false, false, nil)
	}
}

func passiveQueue(q topology.Queue) func(*amqp091.Channel) error {
	return func(ch *amqp091.Channel) error {
		_, err := ch.QueueDeclarePassive(q.Name, true, false, false, false, nil)
		return err
	}
}

// Mode returns what the configuration says about the topology.
func (c *Connector) Mode() topology.Mode { return c.cfg.Topology }

// IsAbsent reports whether err says that a queue or an exchange does not exist, or that the
// user may not use it.
func IsAbsent(err error) bool {
	return Code(err) == amqp091.NotFound || Code(err) == amqp091.AccessRefused
}

// Ensure declares t, unless the configuration says that its owner is another. Then it does not
// ask whether t exists: the use of a missing part returns an error.
func (s *Session) Ensure(ctx context.Context, t topology.Topology) error {
	if !s.mode.Manages() {
		return nil
	}
	return s.Declare(ctx, t)
}
