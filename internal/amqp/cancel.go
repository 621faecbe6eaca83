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

// Cancel stops the broker from sending more deliveries. Deliveries that it has sent already
// can still be received. Except for a stream, outcomes are held back until the cancel
// completes, so that every delivery already in flight arrives first. Cancel returns an error
// when ctx is done, or when the broker does not answer for 5 s.
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
		if !c.stream { // the broker requeues no message of a stream, and counts all that it keeps
			c.settler.hold()
			defer c.settler.resume()
			c.quiesce(ctx, time.Now())
		}
		ctx, cancel := context.WithTimeout(ctx, closeTimeout)
		defer cancel()
		err = c.session.Call(ctx, func() error { return c.ch.Cancel(c.tag, false) }, c.close)
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
	silence  = 5 * time.Millisecond // quiesce asks for the queue's state when no delivery arrives for this long
	sharing  = time.Second          // after this long, other consumers have taken the remaining messages
	patience = 2 * closeTimeout     // quiesce stops waiting after this long, even if the queue has more messages
)

// quiesce waits until no delivery is on its way to this consumer: either the prefetch is
// used up, or the queue has no more messages. No outcomes are sent meanwhile. The broker
// requeues a delivery for a cancelled consumer at once, and so ahead of older messages that
// are released later (quorum queues, rabbit_fifo_client:handle_delivery of 3.10 to 4.3).
// If the queue has other consumers, it waits until a second after began at most.
func (c *Consumer) quiesce(ctx context.Context, began time.Time) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for last := -1; ctx.Err() == nil; {
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

// Drained returns a channel that is closed once the consumer has ended and every delivery
// that was sent to it has been received.
func (c *Consumer) Drained() <-chan struct{} { return c.drained }

// Stop makes Receive return false from now on. Rest or Abandon must follow.
func (c *Consumer) Stop() { c.enter(stopped) }

// Rest stops the consumer, stops the broker from sending more deliveries, and returns the
// deliveries that were sent but not received, for Release. See Cancel for ctx.
func (c *Consumer) Rest(ctx context.Context) (untouched []Delivery, err error) {
	c.Stop()
	err = c.cancel(ctx)
	<-c.noted
	for _, raw := range c.rest() {
		untouched = append(untouched, newDelivery(c, raw))
	}
	return untouched, err
}

// Abandon stops the consumer. It leaves untouched, and the deliveries that were sent but
// not received, to the broker. Close requeues them as it ends the consumer, so that with a
// single active consumer the next one begins with them. Unlike Release, this counts as a
// delivery on RabbitMQ 4.3, too.
func (c *Consumer) Abandon(untouched []Delivery) {
	c.Stop()
	c.enter(abandoned)
	for _, raw := range c.rest() {
		untouched = append(untouched, newDelivery(c, raw))
	}
	c.settler.leave(len(untouched))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left = append(untouched, c.left...)
}

// Left returns the deliveries that no handler has begun and Abandon has left to the broker.
func (c *Consumer) Left() []Delivery {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.left)
}

// Arrived sends all outcomes, after Settled, and waits until no delivery is on its way, so that Left
// returns all that Close will requeue. Each outcome lets the broker send one more message.
func (c *Consumer) Arrived(ctx context.Context) error {
	if ctx.Err() != nil {
		return nil // Settled has given up
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c.settler.stop()
	began := time.Now()
	if c.settler.unsettled() == 0 {
		began = c.began // most likely another consumer is the active one
	}
	for before := -1; before != c.settler.unsettled(); {
		before = c.settler.unsettled()
		c.quiesce(ctx, began)
		// The broker has written what it has sent before it answers.
		err := c.session.Call(ctx, func() error { return c.ch.Qos(c.prefetch, 0, false) }, c.close)
		if err != nil && !errors.Is(err, amqp091.ErrClosed) {
			return fmt.Errorf("broker: wait for the last messages of %s: %w", c.queue, err)
		}
	}
	return nil
}

// Release requeues deliveries. The deliveries of one consumer keep their order. Release
// returns when the broker has them, so that the next consumer cannot start before that, or
// when ctx is done. It skips deliveries that the broker has taken back already.
func Release(ctx context.Context, deliveries []Delivery) error {
	var errs []error
	for len(deliveries) > 0 {
		c := deliveries[0].consumer
		var all []settlement
		var others []Delivery
		for _, d := range deliveries {
			if d.consumer == c {
				all = append(all, settlement{tag: d.number, as: requeue})
			} else {
				others = append(others, d)
			}
		}
		errs, deliveries = append(errs, c.release(ctx, all)), others
	}
	return errors.Join(errs...)
}

func (c *Consumer) release(ctx context.Context, all []settlement) error {
	if c.stream {
		c.settler.leave(len(all))
		return nil
	}
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

// releasePart requeues one part. If there are other parts, it waits until the queue has
// this one, but only until the deadline: another consumer may take the messages, or they
// may expire.
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
	// The broker handles the commands of a channel in order, so its answer shows that it
	// has read the outcomes before it.
	err = c.session.Call(ctx, func() error { return c.ch.Qos(1, 0, false) }, c.close)
	if err == nil && others {
		state := func() (QueueState, error) { return c.session.State(ctx, c.queue) }
		_, err = AwaitReady(state, before.Messages+len(part), deadline)
	}
	if errors.Is(err, amqp091.ErrClosed) {
		return nil
	}
	return err
}

// Settled blocks until every received delivery has an outcome, until outcomes are no longer
// accepted, or until ctx is done.
func (c *Consumer) Settled(ctx context.Context) { c.settler.wait(ctx) }

// Flush sends the outcomes so far to the broker.
func (c *Consumer) Flush() {
	c.settler.mu.Lock()
	defer c.settler.mu.Unlock()
	c.settler.signal()
}

// CloseNow ends the consumer. It sends the outcomes so far, waits up to a second until the
// broker has handled many, and the broker requeues all other deliveries. Each message that is
// requeued in this way counts as a delivery.
func (c *Consumer) CloseNow() error {
	c.Stop()
	c.settler.stop()
	c.awaitHandled(context.Background())
	return c.session.closeBy(c.close)
}
