package delay

import (
	"sync/atomic"
	"time"
)

// skewWindow is the time over which the clocks are compared.
const skewWindow = time.Minute

// skew measures how far the clock of this machine is ahead of the clocks of the publishers:
// the shortest time that a message took, by both clocks, from its publisher to the keeper.
// The way itself takes a millisecond or more, so that only a negative value is certain.
type skew struct {
	began    time.Time
	shortest time.Duration // of the messages since then
	last     atomic.Pointer[time.Duration]
}

// add takes the time that a message took. Only the goroutine of Run calls it.
func (s *skew) add(took time.Duration, now time.Time) {
	if s.began.IsZero() || now.Sub(s.began) > skewWindow {
		s.began, s.shortest = now, took
	}
	s.shortest = min(s.shortest, took)
	shortest := s.shortest
	s.last.Store(&shortest)
}

// Skew returns how far the clock of this machine seems to be ahead of the publishers' clocks,
// the way of the messages included. It is false if no delayed message has come yet.
func (k *Keeper) Skew() (ahead time.Duration, ok bool) {
	if d := k.skew.last.Load(); d != nil {
		return *d, true
	}
	return 0, false
}
