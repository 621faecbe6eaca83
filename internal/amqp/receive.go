package amqp

import (
	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/message"
)

// note stores deliveries as they arrive, for Receive to return. It never blocks, because
// ready is unbounded.
func (c *Consumer) note() {
	defer close(c.noted)
	var raw amqp091.Delivery
	for raw = range c.deliveries { // one variable: each iteration's own would be allocated
		if c.add(&raw) {
			c.ready <- struct{}{}
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	if !c.held {
		close(c.ready)
	}
	c.checkDrained()
}

// checkDrained closes drained if no delivery is left to receive, even if all worker
// goroutines are busy.
func (c *Consumer) checkDrained() {
	if c.over && c.received.len() == 0 {
		c.drainOnce.Do(func() {
			close(c.drained)
			if c.held {
				close(c.ready)
			}
		})
	}
}

func (c *Consumer) add(raw *amqp091.Delivery) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.phase == abandoned {
		c.left = append(c.left, newDelivery(c, *raw))
		c.settler.tookLeft(raw.DeliveryTag)
	}
	if c.phase >= abandoned {
		return false
	}
	c.settler.took(raw.DeliveryTag)
	if c.onReceived != nil {
		c.onReceived(message.Headers(raw.Headers))
	}
	c.received.push(*raw)
	c.judge(raw)
	if c.held {
		if c.alone.Load() { // the others may all be settled, and then no other call hands it out
			c.hand()
		}
		return false
	}
	c.given++
	return true
}

// judge checks how often the message has been delivered.
func (c *Consumer) judge(raw *amqp091.Delivery) {
	if c.suspect == 0 {
		return
	}
	if deliveryCount(raw) >= c.suspect {
		if c.prefetch > 1 && !c.held {
			c.held = true
			close(c.suspected)
		}
		return
	}
	select {
	case <-c.cleared:
	default:
		close(c.cleared)
	}
}

// Suspected returns a channel that is closed when a message arrives that has been delivered
// at least Consume.Suspect times, with a prefetch of more than 1. Receive does not return
// that message and the messages behind it before Alone. A consumer with a prefetch of
// 1 handles such messages alone. With a larger prefetch, when such a message ends its
// process, the broker counts a delivery for each message that the process has not settled,
// and dead-letters them all in the end.
func (c *Consumer) Suspected() <-chan struct{} { return c.suspected }

// Alone has Receive return a suspected message and the messages behind it, each after all
// others of the consumer were settled. They are not requeued, because that counts as a delivery
// before RabbitMQ 4.3, and the messages behind would be suspected in their turn.
func (c *Consumer) Alone() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.alone.Store(true)
	c.hand()
}

// hand has Receive return the next held delivery, if no other one is in hand.
func (c *Consumer) hand() {
	if c.held && c.given == 0 && c.received.len() > 0 && c.settler.pending() == c.received.len() {
		c.given++
		c.ready <- struct{}{} // it is open as long as one is left
	}
}

// Cleared returns a channel that is closed when a message arrives that has been delivered
// less often. A quorum queue delivers requeued messages before all others.
func (c *Consumer) Cleared() <-chan struct{} { return c.cleared }

// Receive returns the next delivery. It returns false when there are no more deliveries,
// and when stop is closed, even if a delivery is waiting.
func (c *Consumer) Receive(stop <-chan struct{}) (Delivery, bool) {
	select {
	case <-c.stopped:
		return Delivery{}, false
	case <-stop:
		return Delivery{}, false
	default:
	}
	select {
	case <-c.stopped:
	case <-stop:
	case _, ok := <-c.ready:
		if ok {
			return c.first()
		}
	}
	return Delivery{}, false
}

// first removes and returns the first received delivery. Once the consumer is stopped it
// returns false: the deliveries are then requeued, and none of them may be handled.
func (c *Consumer) first() (Delivery, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-c.stopped:
		return Delivery{}, false
	default:
	}
	if c.received.len() == 0 {
		return Delivery{}, false
	}
	raw := c.received.pop()
	c.given--
	c.checkDrained()
	return newDelivery(c, raw), true
}

// again stores a delivery once more, behind the deliveries that have not been received. It
// returns false if the consumer does not receive any more.
func (c *Consumer) again(raw *amqp091.Delivery) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.receives() {
		return false
	}
	c.received.push(*raw)
	c.given++
	c.ready <- struct{}{} // while over is not set, note has not closed it
	return true
}

// receives reports whether Receive may still return deliveries that arrive.
func (c *Consumer) receives() bool { return c.phase == consuming && !c.over && !c.held }

// rest removes and returns the deliveries that were received and not returned by Receive.
func (c *Consumer) rest() (rest []amqp091.Delivery) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.received.len() > 0 {
		rest = append(rest, c.received.pop())
	}
	return rest
}
