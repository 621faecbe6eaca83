package delay

import "time"

// clock turns times of the wall clock into times that the monotonic clock measures, so that
// a message that is held is not affected when the wall clock is set. Equal times stay
// equal: the two clocks are compared once, and again when they have moved apart.
type clock struct{ base time.Time }

// apart is how far the clocks may move apart.
const apart = 100 * time.Microsecond

// at returns the moment at which the wall clock shows wall.
func (c *clock) at(wall, now time.Time) time.Time {
	if moved := now.Round(0).Sub(c.base.Round(0)) - now.Sub(c.base); moved.Abs() > apart || c.base.IsZero() {
		c.base = now
	}
	return c.base.Add(wall.Sub(c.base))
}
