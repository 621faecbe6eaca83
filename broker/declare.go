package broker

import (
	"context"
	"errors"
	"fmt"
	"regexp"

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

func isRefusal(code int) bool {
	switch code {
	case amqp.AccessRefused, amqp.PreconditionFailed, amqp.CommandInvalid, amqp.NotAllowed, amqp.NotImplemented:
		return true
	}
	return false
}

// table hands headers to amqp091, nil for none.
func table(h message.Headers) amqp.Table { return fields(h) }

// RabbitMQ's text: inequivalent arg 'x-message-ttl' for queue 'q' in vhost '/':
// received '2000' but current is '1000'. A value may come with its type, and a
// missing one is a bare none.
var (
	conflictText = regexp.MustCompile(`inequivalent arg '([^']+)' for \w+ '.*' in vhost '.*': received (.+?) but current is (.+)$`)
	valueText    = regexp.MustCompile(`^(?:the value )?'([^']*)'(?: of type '[^']*')?$`)
)

// parseConflict reads the broker's refusal; nil if err is something else.
func parseConflict(kind, name string, err error) *ConflictError {
	e, ok := errors.AsType[*amqp.Error](err)
	if !ok || e.Code != amqp.PreconditionFailed {
		return nil
	}
	m := conflictText.FindStringSubmatch(e.Reason)
	if m == nil {
		return nil
	}
	return &ConflictError{Kind: kind, Name: name, Argument: m[1], Wanted: bareValue(m[2]), Current: bareValue(m[3]), Err: err}
}

func bareValue(s string) string {
	if m := valueText.FindStringSubmatch(s); m != nil {
		return m[1]
	}
	return s
}
