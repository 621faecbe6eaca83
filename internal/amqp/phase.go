package amqp

import "slices"

// phase is the stage that a consumer has reached between consuming and its end. Each method
// of Consumer that ends it enters one phase.
type phase int

const (
	consuming phase = iota // deliveries arrive, and Receive returns them
	cancelled              // Cancel: the broker sends no more; Receive returns what has arrived
	stopped                // Stop: Receive returns no more deliveries; Rest returns what has arrived
	abandoned              // Abandon: the broker requeues what has arrived when the channel closes
	closed                 // Close: the channel is closed
	lost                   // the channel has ended without Close
)

// next returns the phases that may follow p.
func (p phase) next() []phase {
	return [...][]phase{
		consuming: {cancelled, stopped, closed, lost},
		cancelled: {stopped, closed, lost},
		stopped:   {abandoned, closed, lost},
		abandoned: {closed, lost},
		closed:    nil,
		lost:      nil,
	}[p]
}

// enter enters the phase and returns true. It returns false if the consumer cannot enter
// it, because it is in it or past it.
func (c *Consumer) enter(p phase) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !slices.Contains(c.phase.next(), p) {
		return false
	}
	if c.phase < stopped && p >= stopped {
		close(c.stopped)
	}
	c.phase = p
	return true
}
