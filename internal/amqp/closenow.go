package amqp

import "context"

// Settled blocks until every received delivery has an outcome, until outcomes are no longer
// accepted, or until ctx is done.
func (c *Consumer) Settled(ctx context.Context) { c.settler.wait(ctx) }

// Flush sends the outcomes so far to the broker.
func (c *Consumer) Flush() {
	c.settler.mu.Lock()
	defer c.settler.mu.Unlock()
	c.settler.signal()
}

// CloseNow ends the consumer at once. It sends the outcomes so far, and the broker requeues
// all other deliveries. Each message that is requeued in this way counts as a delivery.
func (c *Consumer) CloseNow() error {
	c.Stop()
	c.settler.stop()
	return c.session.CloseChannel(c.ch)
}
