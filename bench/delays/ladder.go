package main

import (
	"context"
	"errors"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/topology"
)

// ladder retries as earlier versions did: each goroutine publishes a copy to the delay
// ladder, waits for its confirm and acknowledges the message.
type ladder struct{ node *node }

const headerFailed = "bench-failed"

func (l *ladder) start(ctx context.Context, queue string, each report) (stop func() error, err error) {
	var conns [2]*amqp.Connection
	var channels [2]*amqp.Channel
	for i := range conns {
		if conns[i], err = amqp.Dial(l.node.url); err != nil {
			return nil, err
		}
		if channels[i], err = conns[i].Channel(); err != nil {
			return nil, err
		}
	}
	in, out := channels[0], channels[1]
	deliveries, err := l.declare(in, queue)
	if err := errors.Join(err, out.Confirm(false)); err != nil {
		return nil, err
	}
	var all sync.WaitGroup
	for range goroutines {
		all.Go(func() {
			for d := range deliveries {
				if err := l.handle(ctx, out, queue, &d, each); err != nil {
					return
				}
			}
		})
	}
	return func() error {
		err := errors.Join(conns[0].Close(), conns[1].Close())
		all.Wait()
		return err
	}, nil
}

func (l *ladder) declare(ch *amqp.Channel, queue string) (<-chan amqp.Delivery, error) {
	steps, err := rabbit.NewLadder(ch)
	if err != nil {
		return nil, err
	}
	_, err = ch.QueueDeclare(queue, true, false, false, false, amqp.Table{"x-queue-type": topology.Quorum, "x-delivery-limit": int64(20)})
	if err := errors.Join(err, steps.Return(queue), ch.Qos(goroutines, 0, false)); err != nil {
		return nil, err
	}
	return ch.Consume(queue, "", false, false, false, false, nil)
}

func (*ladder) handle(ctx context.Context, out *amqp.Channel, queue string, d *amqp.Delivery, each report) error {
	attempt, failed := 1, time.Time{}
	if at, ok := d.Headers[headerFailed].(string); ok {
		attempt = 2
		var err error
		if failed, err = time.Parse(time.RFC3339Nano, at); err != nil {
			return err
		}
	}
	if delay := each(attempt, d.Body, failed); delay > 0 {
		exchange, key := rabbit.LadderEntry(delay, queue)
		c, err := out.PublishWithDeferredConfirmWithContext(ctx, exchange, key, true, false, amqp.Publishing{
			DeliveryMode: amqp.Persistent, Body: d.Body, Headers: amqp.Table{headerFailed: time.Now().UTC().Format(time.RFC3339Nano)},
		})
		if err != nil {
			return err
		}
		if !c.Wait() {
			return errors.New("the broker refused a retry")
		}
	}
	return d.Ack(false)
}

func (l *ladder) remove(queues ...string) error {
	return l.node.drop(append(queues, ladderNames()...), append(ladderNames(), "warren.delay.out"))
}
