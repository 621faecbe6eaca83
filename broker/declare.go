package broker

import (
	"context"
	"errors"
	"fmt"
	"slices"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/message"
)

// Declare makes sure that all of t exists. It is idempotent. What exists already
// with other arguments gives a *ConflictError and is left as it is. Names that
// Topology.Validate refuses are an error before anything is declared.
func (s *Session) Declare(ctx context.Context, t Topology) error {
	if err := t.Validate(); err != nil {
		return err
	}
	ch, err := s.channel(ctx)
	if err != nil {
		return err
	}
	return s.call(ctx, func() error { return errors.Join(declareAll(ch, t), ch.Close()) }, ch.Close)
}

func declareAll(ch *amqp.Channel, t Topology) error {
	for _, x := range t.Exchanges {
		if err := declareExchange(ch, x); err != nil {
			return declareError("exchange", x.Name, err)
		}
	}
	for _, q := range t.Queues {
		if err := declareQueue(ch, q); err != nil {
			return declareError("queue", q.Name, err)
		}
	}
	for _, b := range t.Bindings {
		if err := bind(ch, b); err != nil {
			return fmt.Errorf("broker: bind %s%s to exchange %s by %q: %w", b.Queue, b.ToExchange, b.Exchange, b.Key, err)
		}
	}
	return nil
}

func declareExchange(ch *amqp.Channel, x Exchange) error {
	return ch.ExchangeDeclare(x.Name, x.Kind, true, false, false, false, table(x.Arguments))
}

func declareQueue(ch *amqp.Channel, q Queue) error {
	_, err := ch.QueueDeclare(q.Name, true, false, false, false, table(q.Arguments))
	return err
}

func bind(ch *amqp.Channel, b Binding) error {
	if b.ToExchange != "" {
		return ch.ExchangeBind(b.ToExchange, b.Key, b.Exchange, false, table(b.Arguments))
	}
	return ch.QueueBind(b.Queue, b.Key, b.Exchange, false, table(b.Arguments))
}

// declareError explains a refused declaration.
func declareError(kind, name string, err error) error {
	if c := parseConflict(kind, name, err); c != nil {
		return c
	}
	if e, ok := errors.AsType[*amqp.Error](err); ok && e.Server && isRefusal(e.Code) {
		return &DeclarationError{Kind: kind, Name: name, Err: err}
	}
	return fmt.Errorf("broker: declare %s %s: %w", kind, name, err)
}

// DeclarationError says that the broker refuses to declare a queue or an exchange: the
// user lacks a permission, an argument is not allowed, or the type of an exchange needs a
// plugin that is not enabled. To try again does not help.
type DeclarationError struct {
	Kind string // queue or exchange
	Name string
	Err  error // the broker's words
}

// Error names what is refused and gives the broker's words.
func (e *DeclarationError) Error() string {
	return fmt.Sprintf("broker: declare %s %s: the broker refuses: %v", e.Kind, e.Name, e.Err)
}

// Unwrap returns the broker's error.
func (e *DeclarationError) Unwrap() error { return e.Err }

func isRefusal(code int) bool {
	switch code {
	case amqp.AccessRefused, amqp.PreconditionFailed, amqp.CommandInvalid, amqp.NotAllowed, amqp.NotImplemented:
		return true
	}
	return false
}

// Unusual returns the exchanges of t whose types come with plugins. RabbitMQ closes the
// whole connection of a client that declares an exchange of a type it does not have, so
// declare them by Connector.Apart first.
func (t Topology) Unusual() Topology {
	usual := []string{"topic", "direct", "fanout", "headers"}
	return Topology{Exchanges: slices.DeleteFunc(slices.Clone(t.Exchanges), func(x Exchange) bool {
		return slices.Contains(usual, x.Kind)
	})}
}

// table hands headers to amqp091, nil for none.
func table(h message.Headers) amqp.Table { return fields(h) }
