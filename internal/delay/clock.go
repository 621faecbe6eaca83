package delay

import "time"

// clock converts times of the wall clock to times of the monotonic clock, so that setting
// the wall clock does not affect messages that are held. Equal times stay equal, because
// the two clocks are compared only once, and again when they have moved apart.
type clock struct{ base time.Time }

// apart is how far the clocks may move apart before they are compared again.
const apart = 100 * time.Microsecond

// at returns the moment at which the wall clock shows wall.
func (c *clock) at(wall, now time.Time) time.Time {
	if moved := now.Round(0).Sub(c.base.Round(0)) - now.Sub(c.base); moved.Abs() > apart || c.base.IsZero() {
		c.base = now
	}
	return c.base.Add(wall.Sub(c.base))
}
