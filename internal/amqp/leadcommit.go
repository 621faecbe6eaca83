package amqp

import (
	"context"
	"errors"
	"fmt"
	"strings"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/message"
)

// Commit publishes m, unless it is nil, stores the new token, and removes the old one
// and all else that was received, in one transaction: if the process dies, or its
// connection, then all of that has happened or nothing. But a full quorum queue (its
// overflow is reject-publish) drops m without a word, where Send says so.
//
// Where it fails and Err is nil, this process leads still. Then ErrUnroutable says that
// no queue took m, but the token is stored; ErrTooLarge and ErrMalformed say that nothing
// is. Where Err is not nil, ErrNotConnected says that all has happened or nothing, and
// any other error, such as ErrRefused and ErrUnroutable, that m was refused, or may have
// been, whether or not the token is stored.
func (l *Lead) Commit(ctx context.Context, token []byte, m *message.Message) error {
	if m == nil {
		return l.commitToken(ctx, token, func() error { return nil })
	}
	c := *m
	ctx, span := l.session.startPublish(ctx, &c)
	err := l.publish(ctx, token, &c)
	span.End(err)
	return err
}

// Send publishes m alone, mandatory and confirmed, over the same connection. It takes
// longer than Commit, and a process that dies after it may not have stored that it has
// published; but whatever is wrong with m does not end the leadership.
func (l *Lead) Send(ctx context.Context, m *message.Message) error {
	c := *m
	ctx, span := l.session.startPublish(ctx, &c)
	err := l.send(ctx, &c)
	span.End(err)
	if err != nil {
		return fmt.Errorf("broker: publish to exchange %q with key %q: %w", m.Exchange, m.RoutingKey, err)
	}
	return nil
}

func (l *Lead) send(ctx context.Context, m *message.Message) error {
	if err := l.Err(); err != nil {
		return fmt.Errorf("%w: %w", ErrNotConnected, err)
	}
	return l.session.publishAlone(ctx, m)
}

func (l *Lead) publish(ctx context.Context, token []byte, m *message.Message) error {
	exchange, key, p := m.Exchange, m.RoutingKey, publishing(m)
	err := l.session.check(exchange, key, &p) // what cannot be written would spoil the transaction
	if err == nil {
		err = l.commitToken(ctx, token, func() error { return l.ch.Publish(exchange, key, true, false, p) })
	}
	if r := l.returned(); r != "" {
		err = fmt.Errorf("%w: %s", ErrUnroutable, r)
	}
	if err != nil {
		return fmt.Errorf("broker: publish to exchange %q with key %q: %w", exchange, key, err)
	}
	return nil
}

// returned says why the broker has returned a message, if it has: it does so before it
// answers the commit.
func (l *Lead) returned() string {
	select {
	case r := <-l.returns:
		return r.ReplyText
	default:
		return ""
	}
}

// commitToken does the work and replaces the token, in one transaction.
func (l *Lead) commitToken(ctx context.Context, token []byte, work func() error) error {
	held := l.held
	l.held = 0
	return l.commit(ctx, func() error {
		if err := work(); err != nil {
			return err
		}
		return l.renew(token, held)
	})
}

// renew replaces the token, and acknowledges all up to the delivery held; 0 is none.
func (l *Lead) renew(token []byte, held uint64) error {
	for _, queue := range []string{l.token.Queue, l.token.Copy} {
		if err := l.say(queue, amqp091.Publishing{ContentType: "application/json", Body: token}); err != nil {
			return err
		}
	}
	if held == 0 {
		return nil
	}
	return l.ch.Ack(held, true)
}

// commit does the work in one transaction. A failure ends the leadership: what has been
// written already would be part of the next transaction.
func (l *Lead) commit(ctx context.Context, work func() error) error {
	if err := l.Err(); err != nil {
		return fmt.Errorf("%w: %w", ErrNotConnected, err)
	}
	err := l.session.call(ctx, func() error {
		if err := work(); err != nil {
			return err
		}
		return l.ch.TxCommit()
	}, l.ch.Close)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		l.end(err)
		return err
	case !l.ch.IsClosed():
		l.end(errors.Join(err, l.session.closeChannel(l.ch)))
	}
	<-l.done
	return leadError(l.err)
}

// leadError tells what the broker holds against a message from a lost connection. A
// channel that is closed because its consumer was too slow says nothing of a message.
func leadError(err error) error {
	e, ok := errors.AsType[*amqp091.Error](err)
	switch {
	case !ok:
	case e.Code == amqp091.NotFound, e.Code == amqp091.AccessRefused,
		e.Code == amqp091.PreconditionFailed && !strings.Contains(e.Reason, ackTimeout):
		return refusalError(e)
	}
	return fmt.Errorf("%w: %w", ErrNotConnected, err)
}

// ackTimeout is what RabbitMQ up to 4.2 says when it closes the channel of a slow consumer.
const ackTimeout = "delivery acknowledgement on channel"
