package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/message"
)

// findDead asks the broker for the dead letter of the account, and leaves it there.
func (s *story) findDead(ctx context.Context, queue, id string) error {
	dlq := broker.DeadLetterQueue(s.prefix + queue)
	m, err := peek(ctx, s.broker(), dlq)
	reason := m.Headers.String(message.HeaderReason)
	switch {
	case err != nil:
		return err
	case m.CorrelationID != id || reason != message.ReasonPermanent:
		return fmt.Errorf("%s has account %q with reason %q, want %q with %q", dlq, m.CorrelationID, reason, id, message.ReasonPermanent)
	}
	s.stepf("dead letter: %s has it, reason %s: %s", dlq, reason, m.Headers.String(message.HeaderError))
	return nil
}

// peek returns the first message of queue and gives it back.
func peek(ctx context.Context, c broker.Config, queue string) (m message.Message, err error) {
	ctx, hangUp := context.WithCancel(ctx)
	connector := broker.NewConnector(c, "inspect", nil)
	ended := make(chan error, 1)
	go func() { ended <- connector.Run(ctx) }()
	defer func() {
		hangUp()
		err = errors.Join(err, <-ended)
	}()
	session, err := connector.Session(ctx)
	if err != nil {
		return m, err
	}
	consumer, err := session.Consume(ctx, broker.Consume{Queue: queue, Prefetch: 1})
	if err != nil {
		return m, err
	}
	d, ok := consumer.Receive(ctx.Done())
	if !ok {
		return m, errors.Join(fmt.Errorf("nothing in %s: %w", queue, context.Cause(ctx)), consumer.Close(ctx))
	}
	d.Fill(&m)
	return m, errors.Join(d.Release(), consumer.Close(ctx))
}
