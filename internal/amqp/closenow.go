package amqp

import "context"

// Settled returns when everything received has an outcome, when none can be given any
// more, or when ctx is done.
func (c *Consumer) Settled(ctx context.Context) { c.settler.wait(ctx) }

// Flush tells the broker the outcomes so far.
func (c *Consumer) Flush() {
	c.settler.mu.Lock()
	defer c.settler.mu.Unlock()
	c.settler.signal()
}

// CloseNow ends the consumer at once: the broker is told the outcomes so far, and takes
// everything else back. Each message that goes back so counts as a delivery.
func (c *Consumer) CloseNow() error {
	c.Stop()
	c.settler.stop()
	return c.session.CloseChannel(c.ch)
}
