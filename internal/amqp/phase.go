package amqp

import "slices"

// phase is how far a consumer has come on the way to its end. Each verb of Consumer that
// ends it enters one phase.
type phase int

const (
	consuming phase = iota // deliveries arrive and are handed out
	cancelled              // Cancel: the broker sends no more; what has arrived is handed out
	stopped                // Stop: nothing more is handed out; what has arrived is for Rest
	abandoned              // Abandon: the broker takes back what has arrived when the channel closes
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

// enter enters the phase, unless the consumer is in it or past it. It reports whether it
// did.
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
