package broker

import (
	"context"
	"errors"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/topology"
)

// Declare declares every part of t that does not exist yet. It is idempotent. Workers
// declare their own queues; a program that only publishes uses Declare for its exchange. If
// a queue or an exchange exists with other arguments, the error is a
// *topology.ConflictError, and the queue or exchange is left unchanged. If the broker
// refuses a declaration, the error is a *topology.DeclarationError.
func Declare(ctx context.Context, cfg Config, t topology.Topology) error {
	return within(ctx, cfg, "declare", func(s *amqp.Session) error { return s.Declare(ctx, t) })
}

// Plan reports what Declare would do, and changes nothing. It lists exchanges and queues.
// Bindings are left out, because AMQP has no way to ask for them. Plan needs no management
// plugin.
func Plan(ctx context.Context, cfg Config, t topology.Topology) (changes []topology.Change, err error) {
	err = within(ctx, cfg, "plan", func(s *amqp.Session) (err error) {
		changes, err = s.Plan(ctx, t)
		return err
	})
	return changes, err
}

// within runs f in a session of its own.
func within(ctx context.Context, cfg Config, role string, f func(*amqp.Session) error) error {
	s, err := amqp.Dial(ctx, amqp.Config(cfg), role)
	if err != nil {
		return err
	}
	return errors.Join(f(s), s.Close())
}
