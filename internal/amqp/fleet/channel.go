package fleet

import (
	"context"
	"errors"
	"fmt"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/internal/amqp"
)

// channel publishes and receives direct replies.
type channel struct {
	session    *amqp.Session
	ch         *amqp091.Channel
	deliveries <-chan amqp091.Delivery
	closed     <-chan *amqp091.Error // receives why the broker has closed the channel
}

// openTimeout bounds each call to the broker that opens a channel.
const openTimeout = 10 * time.Second

// open opens a channel that receives direct replies.
func open(ctx context.Context, s *amqp.Session) (*channel, error) {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	ch, err := s.Channel(ctx)
	if err != nil {
		return nil, err
	}
	c := &channel{session: s, ch: ch, closed: ch.NotifyClose(make(chan *amqp091.Error, 1))}
	c.deliveries, err = amqp.Ask(ctx, s, func() (<-chan amqp091.Delivery, error) {
		return ch.Consume(amqp.ReplyTo, "", true, false, false, false, nil)
	}, amqp.Closing[<-chan amqp091.Delivery](ch))
	if err != nil {
		if ctx.Err() == nil {
			err = errors.Join(err, s.CloseChannel(ch))
		}
		return nil, fmt.Errorf("fleet: open a channel: %w", err)
	}
	return c, nil
}

// announce publishes a message to Exchange, with the address of the channel.
func (c *channel) announce(kind string, body []byte) error {
	return c.publish(Exchange, kind, amqp091.Publishing{ReplyTo: amqp.ReplyTo, Body: body})
}

// send sends a command, which is answered to the address of the channel.
func (c *channel) send(address, correlation string, body []byte) error {
	return c.publish("", address, amqp091.Publishing{ReplyTo: amqp.ReplyTo, CorrelationId: correlation, Body: body})
}

// reply answers a command. It names no address: two processes whose addresses were given to
// each other would answer each other's answers.
func (c *channel) reply(address, correlation string, body []byte) error {
	return c.publish("", address, amqp091.Publishing{CorrelationId: correlation, Body: body})
}

// publish publishes a transient message that expires, with the name of the user, if that is
// known. It may block for as long as the connection is slow.
func (c *channel) publish(exchange, key string, p amqp091.Publishing) error {
	if reason := c.session.Blocked(); reason != "" {
		return fmt.Errorf("fleet: publish: %w: %s", amqp.ErrBlocked, reason)
	}
	p.ContentType, p.DeliveryMode, p.Expiration, p.UserId = "application/json", amqp091.Transient, expiration, c.session.User()
	if err := c.ch.Publish(exchange, key, false, false, p); err != nil {
		return fmt.Errorf("fleet: publish: %w", err)
	}
	return nil
}

// expiration is after how many milliseconds a message that was not received is dropped.
const expiration = "15000"

// reason returns why the channel has ended, once it has.
func (c *channel) reason() error {
	if err, ok := <-c.closed; ok {
		return fmt.Errorf("fleet: the broker has closed the channel: %w", err)
	}
	return nil
}

// close closes the channel. It waits at most 5 s for the broker's answer.
func (c *channel) close() error { return c.session.CloseChannel(c.ch) }
