package schedule

import (
	"fmt"
	"slices"
	"time"
)

// What a scheduler does, as Health and Changed have it.
const (
	RoleLeader  = "leading"     // it publishes the ticks
	RoleStandby = "standing by" // it takes over when the leader is gone
	RoleIdle    = "idle"        // neither, although it should; it keeps trying
)

// Health says whether a scheduler does its work, and if not, why.
type Health struct {
	// Ready is true when this process leads and can publish every entry, or stands by.
	Ready   bool
	Role    string
	Reasons []string // why it is not ready
}

// skew is how far the clocks of two machines may differ without a word.
const skew = 10 * time.Second

// Health reports the state at this moment. It is safe for concurrent use.
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
			all = append(all, fmt.Sprintf("entry %s: published up to %s, and the clock is behind that", e.Name, stamp(e.After)))
		}
	}
	return all
}

// show makes the entries those of Health.
func (s *Scheduler) show(entries []EntryState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shown = slices.Clone(entries)
}
