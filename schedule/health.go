package schedule

import (
	"fmt"
	"slices"
	"time"
)

// The roles of a scheduler, in Health and Changed.
const (
	RoleLeader  = "leading"     // publishes the ticks
	RoleStandby = "standing by" // takes over if the leader stops or is disconnected
	RoleIdle    = "idle"        // neither of them, because of an error; the scheduler keeps trying
)

// Health reports whether a scheduler works, and if not, why.
type Health struct {
	// Ready is true if this process stands by, or leads and can publish every entry.
	Ready   bool
	Role    string
	Reasons []string // why the scheduler is not ready
}

// skew is how far the clocks of two machines may differ before Health reports it.
const skew = 10 * time.Second

// Health returns the current state. It is safe for concurrent use.
func (s *Scheduler) Health() Health {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := Health{Role: s.role}
	if s.idle != nil {
		h.Reasons = append(h.Reasons, s.idle.Error())
	}
	session, err := s.connector.Current()
	switch {
	case session == nil:
		h.Reasons = append(h.Reasons, fmt.Sprintf("connection: %v", err))
	case session.Blocked() != "":
		h.Reasons = append(h.Reasons, "connection: blocked by the broker: "+session.Blocked())
	}
	if s.role == RoleLeader {
		h.Reasons = append(h.Reasons, s.complaints()...)
	}
	h.Ready = s.role != RoleIdle && len(h.Reasons) == 0
	return h
}

func (s *Scheduler) complaints() (all []string) {
	for _, e := range s.shown {
		switch {
		case e.Error != "":
			all = append(all, fmt.Sprintf("entry %s: %s", e.Name, e.Error))
		case e.After.After(s.now().Add(skew)):
			all = append(all, fmt.Sprintf("entry %s: the clock is behind %s, up to which ticks were published", e.Name, stamp(e.After)))
		}
	}
	return all
}

// show stores a copy of the entries for Health.
func (s *Scheduler) show(entries []EntryState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shown = slices.Clone(entries)
}
