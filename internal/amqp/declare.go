package amqp

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
)

// Declare declares every part of t that does not exist yet. It is idempotent. If a part
// exists with other arguments, Declare returns a *ConflictError and leaves it unchanged. If
// Topology.Validate refuses a name, Declare returns that error before it declares any part.
func (s *Session) Declare(ctx context.Context, t topology.Topology) error {
	if err := t.Validate(); err != nil {
		return err
	}
	ch, err := s.Channel(ctx)
	if err != nil {
		return err
	}
	return s.Call(ctx, func() error { return errors.Join(declareAll(ctx, ch, t), ch.Close()) }, ch.Close)
}

// Declare calls Session.Declare for a session whose connection others use, too. RabbitMQ
// closes the connection of a client that declares an exchange whose type it does not have.
// Exchanges whose types come with plugins are therefore declared over a separate
// connection.
func (c *Connector) Declare(ctx context.Context, s *Session, t topology.Topology) error {
	if unusual := t.Unusual(); len(unusual.Exchanges) > 0 {
		if err := c.Apart(ctx, func(s *Session) error { return s.Declare(ctx, unusual) }); err != nil {
			return err
		}
		t.Exchanges = slices.DeleteFunc(slices.Clone(t.Exchanges), topology.Exchange.IsUnusual)
	}
	return s.Declare(ctx, t)
}

// Assert calls Declare for a topology that was declared before. It declares an exchange
// whose type comes with a plugin only if the exchange is missing, so that it rarely opens a
// separate connection.
func (c *Connector) Assert(ctx context.Context, s *Session, t topology.Topology) error {
	existing, err := s.existing(ctx, t.Unusual().Exchanges)
	if err != nil {
		return err
	}
	t.Exchanges = slices.DeleteFunc(slices.Clone(t.Exchanges), func(x topology.Exchange) bool { return existing[x.Name] })
	return c.Declare(ctx, s, t)
}

// existing returns which of the exchanges exist, by name.
func (s *Session) existing(ctx context.Context, exchanges []topology.Exchange) (names map[string]bool, err error) {
	p := prober{session: s}
	defer func() { err = errors.Join(err, p.close()) }()
	names = make(map[string]bool)
	for _, x := range exchanges {
		err := p.ask(ctx, passiveExchange(x))
		if err != nil && Code(err) != amqp091.NotFound {
			return nil, declareError("exchange", x.Name, err)
		}
		names[x.Name] = err == nil
	}
	return names, nil
}

// declareAll stops when ctx is done: a later declaration might create a part again that has
// been deleted since.
func declareAll(ctx context.Context, ch *amqp091.Channel, t topology.Topology) error {
	for _, x := range t.Exchanges {
		if err := before(ctx, func() error { return declareExchange(ch, x) }); err != nil {
			return declareError("exchange", x.Name, err)
		}
	}
	for _, q := range t.Queues {
		if err := before(ctx, func() error { return declareQueue(ch, q) }); err != nil {
			return declareError("queue", q.Name, err)
		}
	}
	for _, b := range t.Bindings {
		if err := before(ctx, func() error { return bind(ch, b) }); err != nil {
			return fmt.Errorf("broker: bind %s%s to exchange %s by %q: %w", b.Queue, b.ToExchange, b.Exchange, b.Key, err)
		}
	}
	return nil
}

// before runs f unless ctx is done.
func before(ctx context.Context, f func() error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return f()
}

func declareExchange(ch *amqp091.Channel, x topology.Exchange) error {
	return ch.ExchangeDeclare(x.Name, x.Kind, true, false, false, false, table(x.Arguments))
}

func declareQueue(ch *amqp091.Channel, q topology.Queue) error {
	_, err := ch.QueueDeclare(q.Name, !q.Exclusive, q.Exclusive, q.Exclusive, false, table(q.Arguments))
	return err
}

func bind(ch *amqp091.Channel, b topology.Binding) error {
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
	if e, ok := errors.AsType[*amqp091.Error](err); ok && e.Server && isRefusal(e.Code) {
		return &topology.DeclarationError{Kind: kind, Name: name, Err: err}
	}
	return fmt.Errorf("broker: declare %s %s: %w", kind, name, err)
}

func isRefusal(code int) bool {
	switch code {
	case amqp091.AccessRefused, amqp091.PreconditionFailed, amqp091.CommandInvalid, amqp091.NotAllowed, amqp091.NotImplemented:
		return true
	}
	return false
}

// table converts headers to the type of amqp091. It returns nil for nil.
func table(h message.Headers) amqp091.Table { return fields(h) }

// RabbitMQ's text: inequivalent arg 'x-message-ttl' for queue 'q' in vhost '/': received
// '2000' but current is '1000'. A value may be followed by its type. A missing value is the
// word none, without quotes.
var (
	conflictText = regexp.MustCompile(`inequivalent arg '([^']+)' for \w+ '.*' in vhost '.*': received (.+?) but current is (.+)$`)
	// The text of an error has 255 bytes at most, so a long name leaves no room for the values.
	cutConflictText = regexp.MustCompile(`inequivalent arg '([^']+)' for `)
	valueText       = regexp.MustCompile(`^(?:the value )?'([^']*)'(?: of type '[^']*')?$`)
)

// parseConflict parses the broker's refusal. It returns nil if err is another error.
func parseConflict(kind, name string, err error) *topology.ConflictError {
	e, ok := errors.AsType[*amqp091.Error](err)
	if !ok || e.Code != amqp091.PreconditionFailed {
		return nil
	}
	m := conflictText.FindStringSubmatch(e.Reason)
	if cut := cutConflictText.FindStringSubmatch(e.Reason); m == nil && cut != nil {
		m = []string{cut[0], cut[1], "as given", topology.Unknown}
	}
	if m == nil {
		return nil
	}
	return &topology.ConflictError{Kind: kind, Name: name, Argument: m[1], Wanted: bareValue(m[2]), Current: bareValue(m[3]), Err: err}
}

func bareValue(s string) string {
	if m := valueText.FindStringSubmatch(s); m != nil {
		return m[1]
	}
	return s
}
