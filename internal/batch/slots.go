package batch

import (
	"slices"
	"sync"
)

// Slots limits how many batches are handled at a time. Waiting batches get a slot in their order.
// It is safe for concurrent use.
type Slots struct {
	// Most returns the limit. It is called whenever a slot is taken or given back, and by Grant.
	Most func() int

	mu      sync.Mutex
	taken   int
	waiting []chan struct{} // closed when its batch has a slot
}

// queue returns a channel that is closed when the caller has a slot.
func (s *Slots) queue() (turn chan struct{}) {
	turn = make(chan struct{})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = append(s.waiting, turn)
	s.grant()
	return turn
}

// cancel ends the wait for a slot, and frees the slot if it was already granted.
func (s *Slots) cancel(turn chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(s.waiting, turn); i >= 0 {
		s.waiting = slices.Delete(s.waiting, i, i+1)
		return
	}
	s.taken--
	s.grant()
}

// leave gives a slot back.
func (s *Slots) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken--
	s.grant()
}

// Grant gives slots to waiting batches, after Most has begun to return more.
func (s *Slots) Grant() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.grant()
}

func (s *Slots) grant() {
	for most := s.Most(); len(s.waiting) > 0 && s.taken < most; s.taken++ {
		close(s.waiting[0])
		s.waiting = s.waiting[1:]
	}
}
