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
	slices.SortFunc(all, func(a, b *held) int { return a.due.Compare(b.due) })
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

// open keeps what is known of a delivery that is held, or that was held before. It returns when it was held
// for the first time.
func (s *holds) open(tag amqp.Tag, one opened) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if before, ok := s.opened[tag]; ok {
		one.at = before.at
	}
	if s.opened == nil {
		s.opened = make(map[amqp.Tag]opened)
	}
	s.opened[tag] = one
	s.count.Store(int64(len(s.opened)))
	return one.at
}

// forget removes a delivery that is settled.
func (s *holds) forget(tag amqp.Tag) {
	if s.count.Load() == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(tag)
}

// requeued keeps what is known of a delivery for the next one of its message.
func (s *holds) requeued(tag amqp.Tag) {
	if s.count.Load() == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remember(tag)
}

// lost does the same for all deliveries whose channel is gone, before their messages are delivered
// again: a handler may take long to return.
func (s *holds) lost() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for tag := range s.opened {
		if isClosed(tag.Lost()) {
			s.remember(tag)
		}
	}
}

// remove removes a delivery. s.mu must be locked.
func (s *holds) remove(tag amqp.Tag) {
	delete(s.opened, tag)
	s.count.Store(int64(len(s.opened)))
}

// remember removes a delivery, and keeps what is known of it. s.mu must be locked.
func (s *holds) remember(tag amqp.Tag) {
	one, ok := s.opened[tag]
	if !ok {
		return
	}
	s.remove(tag)
	if s.known == nil {
		s.known = make(map[uint64]known)
	}
	for id := range s.known {
		if len(s.known) < maxKnown {
			break
		}
		delete(s.known, id) // another process has most likely received it
	}
	s.known[one.identity] = one.known
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
