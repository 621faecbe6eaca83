package schedule

import (
	"slices"
	"time"
)

// SetClock gives s another clock on the wall, before Run.
func SetClock(s *Scheduler, now func() time.Time) { s.now = now }

// TokenQueue is where a group's token is.
func TokenQueue(group string) string { return tokenOf(group).Queue }

// StateQueue is where its state is.
func StateQueue(group string) string { return tokenOf(group).Copy }

// Plan returns the ticks that an entry's policy publishes between two times, in order.
func Plan(e Entry, after, now time.Time) (ticks []time.Time, err error) {
	c, err := e.compile()
	if err != nil {
		return nil, err
	}
	for {
		p := c.plan(after, now)
		if after = p.after; !p.tick.IsZero() {
			ticks, after = append(ticks, p.tick), p.tick
		} else if !p.next.Equal(now) {
			return slices.Clip(ticks), nil
		}
	}
}

// Remember returns the token that a new leader stores after reading the given messages
// from the token queue.
func Remember(cfg Config, now time.Time, messages ...[]byte) (body []byte, err error) {
	s := New(cfg)
	s.now = func() time.Time { return now }
	t := s.newTerm(nil, messages)
	t.token.Revision++
	return t.token.encode()
}

// Decode reads the state in a token.
func Decode(body []byte) (State, error) {
	t, err := decode(body)
	return t.State, err
}
