package amqp

import (
	"context"
	"errors"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/topology"
)

// Plan is Probe, and returns an error if the user lacks a permission to find out.
func (s *Session) Plan(ctx context.Context, t topology.Topology) ([]topology.Change, error) {
	changes, err := s.Probe(ctx, t)
	if err != nil {
		return nil, err
	}
	for _, c := range changes {
		if c.Err != nil {
			return nil, c.Err
		}
	}
	return changes, nil
}

// Probe returns what Declare would do and changes nothing. It does not list bindings,
// because AMQP cannot query them, and declaring one twice is harmless. Plan needs no
// management plugin. It checks passively whether each part exists, and declares only parts
// that exist, so that the broker compares the arguments. A part is topology.Unchecked if the
// user may not configure it.
func (s *Session) Probe(ctx context.Context, t topology.Topology) (changes []topology.Change, err error) {
	if err := t.Validate(); err != nil {
		return nil, err
	}
	p := prober{session: s}
	defer func() { err = errors.Join(err, p.close()) }()
	changes = make([]topology.Change, 0, len(t.Exchanges)+len(t.Queues))
	for _, x := range t.Exchanges {
		c, err := p.probe(ctx, "exchange", x.Name, passiveExchange(x), func(ch *amqp091.Channel) error { return declareExchange(ch, x) })
		if err != nil {
			return nil, err
		}
		changes = append(changes, c)
	}
	for _, q := range t.Queues {
		c, err := p.probe(ctx, "queue", q.Name, passiveQueue(q), func(ch *amqp091.Channel) error { return declareQueue(ch, q) })
		if err != nil {
			return nil, err
		}
		changes = append(changes, c)
	}
	return changes, nil
}

// prober queries the broker. A negative answer closes the channel, so prober then opens
// another one.
type prober struct {
	session *Session
	ch      *amqp091.Channel
}

func (p *prober) probe(ctx context.Context, kind, name string, exists, same func(*amqp091.Channel) error) (topology.Change, error) {
	err := p.ask(ctx, exists)
	switch {
	case err == nil:
		err = p.ask(ctx, same)
	case Code(err) == amqp091.NotFound:
		return topology.Change{Kind: kind, Name: name, Action: topology.Create}, nil
	}
	if err == nil {
		return topology.Change{Kind: kind, Name: name, Action: topology.Same}, nil
	}
	refused := Code(err) == amqp091.AccessRefused
	err = declareError(kind, name, err)
	if refused {
		return topology.Change{Kind: kind, Name: name, Action: topology.Unchecked, Err: err}, nil
	}
	if c, ok := errors.AsType[*topology.ConflictError](err); ok {
		return topology.Change{Kind: kind, Name: name, Action: topology.Conflict, Conflict: c}, nil
	}
	return topology.Change{}, err
}

func (p *prober) ask(ctx context.Context, question func(*amqp091.Channel) error) error {
	if p.ch == nil || p.ch.IsClosed() {
		ch, err := p.session.Channel(ctx)
		if err != nil {
			return err
		}
		p.ch = ch
	}
	ch := p.ch
	err := p.session.Call(ctx, func() error { return question(ch) }, ch.Close)
	if ctx.Err() != nil {
		p.ch = nil // the call may still be waiting for its answer
	}
	return err
}

func (p *prober) close() error {
	if p.ch == nil {
		return nil
	}
	return p.session.CloseChannel(p.ch)
}
