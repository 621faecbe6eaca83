package command

import (
	"context"
	"crypto/rand"
	"errors"
	"strconv"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/message"
)

// benchPublish measures from publishing a message to its confirm.
func benchPublish(ctx context.Context, b *bench) error {
	pub := broker.NewPublisher(b.broker, "")
	body := b.body()
	err := b.forEach(ctx, func(ctx context.Context, _ int) error { return pub.Publish(ctx, b.queue, body) })
	return errors.Join(err, pub.Close())
}

// benchConsume measures from asking for a message to its acknowledgement.
func benchConsume(ctx context.Context, b *bench) error {
	if err := b.fill(ctx); err != nil {
		return err
	}
	c, leave, err := b.consumer(ctx)
	if err != nil {
		return err
	}
	err = b.forEach(ctx, func(ctx context.Context, _ int) error {
		d, ok := c.Receive(ctx.Done())
		if !ok {
			return errors.Join(context.Cause(ctx), c.Err())
		}
		return d.Ack()
	})
	return errors.Join(err, leave())
}

// benchRoundtrip measures from publishing a message to its receipt. Each hand publishes
// the next message when it has the one before, so that none waits for others.
func benchRoundtrip(ctx context.Context, b *bench) error {
	c, leave, err := b.consumer(ctx)
	if err != nil {
		return err
	}
	arrived := make([]chan struct{}, b.concurrency)
	for i := range arrived {
		arrived[i] = make(chan struct{}, 1)
	}
	ending, end := context.WithCancel(ctx)
	received := make(chan error, 1)
	go func() { received <- receive(ending, c, arrived) }()

	pub := broker.NewPublisher(b.broker, "")
	body := b.body()
	err = b.forEach(ctx, func(ctx context.Context, hand int) error {
		if err := pub.Publish(ctx, b.queue, body, broker.WithCorrelationID(strconv.Itoa(hand))); err != nil {
			return err
		}
		select {
		case <-arrived[hand]:
			return nil
		case <-c.Done():
			return c.Err()
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
	end()
	return errors.Join(err, <-received, pub.Close(), leave())
}

// receive tells each hand of its message, until ctx is done.
func receive(ctx context.Context, c *amqp.Consumer, arrived []chan struct{}) error {
	var m message.Message
	for {
		d, ok := c.Receive(ctx.Done())
		if !ok {
			return nil // the hands see the consumer's end, too
		}
		d.Fill(&m)
		if hand, err := strconv.Atoi(m.CorrelationID); err == nil && hand >= 0 && hand < len(arrived) {
			select {
			case arrived[hand] <- struct{}{}:
			default: // it was delivered twice
			}
		}
		if err := d.Ack(); err != nil {
			return err
		}
	}
}

// body is random, so that nothing can make it smaller.
func (b *bench) body() []byte {
	body := make([]byte, b.size)
	_, _ = rand.Read(body) // never fails
	return body
}

// fill puts count messages into the queue.
func (b *bench) fill(ctx context.Context) error {
	pub := broker.NewPublisher(b.broker, "")
	w := publishing{key: b.queue, count: b.count}
	body := b.body()
	for done := 0; done < b.count; done += maxBatch {
		if _, err := publishBatch(ctx, pub, w, body, min(maxBatch, b.count-done)); err != nil {
			return errors.Join(err, pub.Close())
		}
	}
	return pub.Close()
}

// consumer receives from the queue; leave ends that.
func (b *bench) consumer(ctx context.Context) (c *amqp.Consumer, leave func() error, err error) {
	s, err := amqp.Dial(ctx, amqp.Config(b.broker), "bench")
	if err != nil {
		return nil, nil, err
	}
	c, err = s.Consume(ctx, amqp.Consume{Queue: b.queue, Prefetch: 2 * b.concurrency})
	if err != nil {
		return nil, nil, errors.Join(err, s.Close())
	}
	return c, func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		return errors.Join(c.Cancel(ctx), c.Close(ctx), s.Close())
	}, nil
}
