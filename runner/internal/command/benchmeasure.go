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

// benchPublish measures the time from publishing a message to its confirm.
func benchPublish(ctx context.Context, b *bench) error {
	pub := broker.NewPublisher(b.broker, "")
	body := b.body()
	err := b.forEach(ctx, func(ctx context.Context, _ int) error { return pub.Publish(ctx, b.queue, body) })
	return errors.Join(err, pub.Close())
}

// benchConsume measures the time from waiting for a message to its acknowledgement.
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

// benchRoundtrip measures the time from publishing a message to receiving it. Each
// goroutine publishes its next message after it has received the previous one, so that no
// message waits in the queue.
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
	err = b.forEach(ctx, func(ctx context.Context, n int) error {
		if err := pub.Publish(ctx, b.queue, body, broker.WithCorrelationID(strconv.Itoa(n))); err != nil {
			return err
		}
		select {
		case <-arrived[n]:
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

// receive notifies each publishing goroutine of its message, until ctx is done.
func receive(ctx context.Context, c *amqp.Consumer, arrived []chan struct{}) error {
	var m message.Message
	for {
		d, ok := c.Receive(ctx.Done())
		if !ok {
			return nil // the publishing goroutines also notice that the consumer has ended
		}
		d.Fill(&m)
		if n, err := strconv.Atoi(m.CorrelationID); err == nil && n >= 0 && n < len(arrived) {
			select {
			case arrived[n] <- struct{}{}:
			default: // the message was delivered twice
			}
		}
		if err := d.Ack(); err != nil {
			return err
		}
	}
}

// body returns random bytes, which cannot be compressed.
func (b *bench) body() []byte {
	body := make([]byte, b.size)
	_, _ = rand.Read(body) // returns no error
	return body
}

// fill publishes count messages to the queue.
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

// consumer starts a consumer of the queue; leave closes it.
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
