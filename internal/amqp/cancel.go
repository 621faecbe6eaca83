package amqp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"
)

// Cancel has the broker send nothing more. What it has sent can still be received. Outcomes
// are held back until the cancel completes, so that every delivery already in flight arrives
// first. Cancel returns an error when ctx is done, or when the broker does not answer for 5 s.
func (c *Consumer) Cancel(ctx context.Context) error {
	if !c.enter(cancelled) {
		return nil
	}
	return c.cancel(ctx)
}

func (c *Consumer) cancel(ctx context.Context) (err error) {
	c.cancelOnce.Do(func() {
		if c.Err() != nil {
			return
		}
		c.settler.hold()
		defer c.settler.resume()
		c.quiesce(ctx)
		ctx, cancel := context.WithTimeout(ctx, closeTimeout)
		defer cancel()
		err = c.session.Call(ctx, func() error { return c.ch.Cancel(c.tag, false) }, c.ch.Close)
		if errors.Is(err, amqp091.ErrClosed) {
			err = nil
		}
	})
	if err != nil {
		return fmt.Errorf("broker: cancel the consumer of %s: %w", c.queue, err)
	}
	return nil
}

const (
	silence  = 5 * time.Millisecond // after it the queue is asked whether it has more
	sharing  = time.Second          // after it others have got what the queue had
	patience = 2 * closeTimeout     // after it a queue that has more, and sends none, is believed
)

// quiesce waits until nothing is on its way here, while no outcome is told: either
// the prefetch is used up, or the queue has no more. What reaches a consumer that is
// cancelled goes back at once, and so ahead of older messages that are released later
// (quorum queues, rabbit_fifo_client:handle_delivery of 3.10 to 4.3).
func (c *Consumer) quiesce(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	last, began := -1, time.Now()
	for ctx.Err() == nil {
		now := c.settler.unsettled()
		if now >= c.prefetch {
			return
		}
		if now == last {
			q, err := c.session.State(ctx, c.queue)
			if err != nil || q.Messages == 0 || q.Consumers > 1 && time.Since(began) > sharing {
				return
			}
		}
		last = now
		select {
		case <-time.After(silence):
		case <-c.done:
			return
		case <-ctx.Done():
		}
	}
}

// Drained is closed once the consumer has ended and everything that was sent has
// been received.
func (c *Consumer) Drained() <-chan struct{} { return c.drained }

// Stop has Receive return false from now on. Rest or Abandon must follow.
func (c *Consumer) Stop() { c.enter(stopped) }

// Rest stops the consumer, has the broker send nothing more, and returns what was sent and
// not received, for Release. See Cancel for ctx.
func (c *Consumer) Rest(ctx context.Context) (untouched []Delivery, err error) {
	c.Stop()
	err = c.cancel(ctx)
	for range c.ready { // until no more come
	}
	for _, raw := range c.rest() {
		untouched = append(untouched, Delivery{consumer: c, raw: *raw})
	}
	return untouched, err
}

// Abandon stops the consumer and leaves untouched, and what was sent and not received, to
// the broker: Close gives them back together with the consumer's place, so that with a
// single active consumer the next one begins with them. Unlike Release this counts as a
// delivery on RabbitMQ 4.3, too.
func (c *Consumer) Abandon(untouched []Delivery) {
	c.Stop()
	c.enter(abandoned)
	c.settler.leave(len(untouched) + len(c.rest()))
}

// Release gives deliveries back to their queue so that those of a consumer keep their
// order, and returns when the broker has them, or ctx is done: the next consumer must not
// come first. What the broker has already taken back is passed over.
func Release(ctx context.Context, deliveries []Delivery) error {
	var errs []error
	for len(deliveries) > 0 {
		c := deliveries[0].consumer
		var all []settlement
		var others []Delivery
		for _, d := range deliveries {
			if d.consumer == c {
				all = append(all, settlement{tag: d.raw.DeliveryTag, as: requeue})
			} else {
				others = append(others, d)
			}
		}
		errs, deliveries = append(errs, c.release(ctx, all)), others
	}
	return errors.Join(errs...)
}

func (c *Consumer) release(ctx context.Context, all []settlement) error {
	slices.SortFunc(all, func(a, b settlement) int { return cmp.Compare(a.tag, b.tag) })
	deadline := time.Now().Add(2 * sharing)
	for part := range slices.Chunk(all, RequeueAtOnce) {
		err := c.releasePart(ctx, part, len(all) > RequeueAtOnce, deadline)
		select {
		case <-c.gone:
			return nil
		default:
		}
		if err != nil {
			return fmt.Errorf("broker: release messages of %s: %w", c.queue, err)
		}
	}
	return nil
}

// releasePart tells one part. If there are others it waits until the queue has this one,
// but not for ever: someone else may take what comes back, or it expires.
func (c *Consumer) releasePart(ctx context.Context, part []settlement, others bool, deadline time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, closeTimeout)
	defer cancel()
	var before QueueState
	var err error
	if others {
		if before, err = c.session.State(ctx, c.queue); err != nil {
			return err
		}
	}
	if !c.settler.putAll(part) {
		return nil // the broker has taken them back
	}
	// Whatever the broker answers on this channel comes after what it was told before.
	err = c.session.Call(ctx, func() error { return c.ch.Qos(1, 0, false) }, c.ch.Close)
	if err == nil && others {
		state := func() (QueueState, error) { return c.session.State(ctx, c.queue) }
		_, err = AwaitReady(state, before.Messages+len(part), deadline)
	}
	if errors.Is(err, amqp091.ErrClosed) {
		return nil
	}
	return err
}
