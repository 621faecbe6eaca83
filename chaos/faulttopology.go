package main

import (
	"context"
	"errors"
	"regexp"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/topology"
)

// change runs calls on a channel as another user, and gives the workers d to repair what they
// did.
func (s *stage) change(ctx context.Context, d time.Duration, calls func(*amqp.Channel) error) error {
	return s.repeat(ctx, func(int) (err error) {
		conn, err := s.nodes.admin(s.vhost)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, conn.Close()) }()
		ch, err := conn.Channel()
		if err != nil {
			return err
		}
		err = calls(ch)
		s.gone = time.Now()
		s.pause(ctx, d)
		return err
	})
}

// deleteQueue deletes the queue plain with its messages.
func deleteQueue(ctx context.Context, s *stage) error {
	return s.change(ctx, 60*time.Second, func(ch *amqp.Channel) error {
		s.sayf("delete a queue")
		_, err := ch.QueueDelete("plain", false, false, false)
		s.deleted, s.queue = time.Now(), "plain"
		return err
	})
}

func deleteExchange(ctx context.Context, s *stage) error {
	return s.change(ctx, 90*time.Second, func(ch *amqp.Channel) error {
		s.sayf("delete the exchange")
		return ch.ExchangeDelete(exchange, false, false)
	})
}

func deleteBinding(ctx context.Context, s *stage) error {
	return s.change(ctx, 90*time.Second, func(ch *amqp.Channel) error {
		s.sayf("delete a binding")
		return ch.QueueUnbind("plain", "plain", exchange, nil)
	})
}

// breakByPolicy limits a dead-letter queue to one message for 40 s. The broker then refuses dead
// letters, and their messages stay unacknowledged.
func breakByPolicy(ctx context.Context, s *stage) error {
	return s.repeat(ctx, func(int) error {
		s.sayf("set a policy")
		pattern := "^" + regexp.QuoteMeta(topology.DeadLetterQueue("dead-letter")) + "$"
		err := s.nodes.ctlAll(ctx, []string{"set_policy", "-p", s.vhost, "--apply-to", "queues", "chaos", pattern, `{"max-length":1,"overflow":"reject-publish"}`})
		if err != nil {
			return err
		}
		wait(ctx, max(20*time.Second, s.options.scaled(40*time.Second))) // health allows 10 s
		err = s.nodes.ctlAll(ctx, []string{"clear_policy", "-p", s.vhost, "chaos"})
		s.pause(ctx, 40*time.Second)
		return err
	})
}
