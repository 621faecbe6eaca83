package broker

import amqp "github.com/rabbitmq/amqp091-go"

// note notes what comes as it comes, for Receive to take. It never waits: there is
// room for the prefetch.
func (c *Consumer) note() {
	defer close(c.ready)
	for raw := range c.deliveries {
		if c.add(&raw) {
			c.ready <- struct{}{}
		}
	}
}

func (c *Consumer) add(raw *amqp.Delivery) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left {
		return false
	}
	c.settler.took(raw.DeliveryTag)
	c.received = append(c.received, raw)
	return true
}

// Receive returns the next delivery. It returns false when there will be none,
// and when stop is closed, which beats a waiting delivery.
func (c *Consumer) Receive(stop <-chan struct{}) (Delivery, bool) {
	select {
	case <-c.closing:
		return Delivery{}, false
	case <-stop:
		return Delivery{}, false
	default:
	}
	select {
	case <-c.closing:
	case <-stop:
	case _, ok := <-c.ready:
		if ok {
			return c.first()
		}
		c.drainOnce.Do(func() { close(c.drained) })
	}
	return Delivery{}, false
}

// first takes the first of what was received, unless all of it is to go back: no later
// one may be handled then.
func (c *Consumer) first() (Delivery, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-c.closing:
		return Delivery{}, false
	default:
	}
	if len(c.received) == 0 {
		return Delivery{}, false
	}
	raw := c.received[0]
	c.received[0] = nil
	c.received = c.received[1:]
	return Delivery{consumer: c, raw: *raw}, true
}

// rest takes what was received and handed to nobody.
func (c *Consumer) rest() []*amqp.Delivery {
	c.mu.Lock()
	defer c.mu.Unlock()
	rest := c.received
	c.received = nil
	return rest
}
