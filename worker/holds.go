package worker

import (
	"slices"
	"time"

	"github.com/warren-mq/warren/internal/amqp"
)

// add adds h. It returns false if nothing more is held.
func (s *holds) add(h *held) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return false
	}
	if s.waiting == nil {
		s.waiting = make(map[*held]struct{})
	}
	s.waiting[h] = struct{}{}
	return true
}

// take removes h. It returns false if something else has removed it.
func (s *holds) take(h *held) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.waiting[h]
	delete(s.waiting, h)
	return ok
}

// takeAll removes everything that waits, and ends its goroutines.
func (s *holds) takeAll() (all []*held) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for h := range s.waiting {
		close(h.taken)
		all = append(all, h)
	}
	clear(s.waiting)
	slices.SortFunc(all, func(a, b *held) int { return a.known.due.Compare(b.known.due) })
	return all
}

// end has add return false from now on.
func (s *holds) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
}

func (s *holds) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.waiting)
}

// arrival returns when the delivery was held for the first time: now, unless it was before.
func (s *holds) arrival(tag amqp.Tag, now time.Time) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at, ok := s.since[tag]; ok {
		return at
	}
	if s.since == nil {
		s.since = make(map[amqp.Tag]time.Time)
	}
	s.since[tag] = now
	s.opened.Store(int64(len(s.since)))
	return now
}

// forget removes a delivery that is settled.
func (s *holds) forget(tag amqp.Tag) {
	if s.opened.Load() == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.since, tag)
	s.opened.Store(int64(len(s.since)))
}

// remember keeps what is known of h for its next delivery.
func (s *holds) remember(h *held) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil {
		s.known = make(map[uint64]known)
	}
	for id := range s.known {
		if len(s.known) < maxKnown {
			break
		}
		delete(s.known, id) // another process has most likely received it
	}
	s.known[h.identity] = h.known
	s.remembered.Store(int64(len(s.known)))
}

// recall returns what is known of a message, and forgets it.
func (s *holds) recall(identity uint64) (known, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, ok := s.known[identity]
	delete(s.known, identity)
	s.remembered.Store(int64(len(s.known)))
	return k, ok
}
