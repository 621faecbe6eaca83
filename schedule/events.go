package schedule

import (
	"fmt"
	"time"

	"github.com/warren-mq/warren/internal/panics"
)

// Event is an event of a scheduler: one of the types below. Later versions may add fields
// to them.
type Event interface{ event() }

// Changed reports that the scheduler's role has changed.
type Changed struct {
	Role string // RoleLeader, RoleStandby or RoleIdle
	Err  error  // why it is idle; nil at the end of Run
}

// Published reports that this process has published a tick.
type Published struct {
	Entry     string
	Tick      time.Time
	MessageID string
	Late      time.Duration // the time from the tick to its confirm
}

// RanNow reports that this process has published the message of an entry for RunNow.
type RanNow struct {
	Entry     string
	MessageID string
}

// Failed reports that a tick could not be published. The scheduler tries again.
type Failed struct {
	Entry string
	Tick  time.Time
	Err   error
}

// Missed reports that the entry's Policy has dropped missed ticks.
type Missed struct {
	Entry string
	First time.Time // the first tick that was dropped
	Last  time.Time // the last tick that was dropped
}

// Differs reports that another process of the group has entries that the leader does not
// have. These entries are not published.
type Differs struct {
	Process string
	Entries []string
}

// Unreadable reports that the token queue contained a message that no scheduler wrote. The
// message was removed.
type Unreadable struct{ Err error }

func (Changed) event()    {}
func (Published) event()  {}
func (RanNow) event()     {}
func (Failed) event()     {}
func (Missed) event()     {}
func (Differs) event()    {}
func (Unreadable) event() {}

// emit logs and counts an event, and calls OnEvent.
func (s *Scheduler) emit(e Event) {
	s.log(e)
	s.meter.count(e)
	if s.config.OnEvent == nil {
		return
	}
	if caught := panics.Catch(func() { s.config.OnEvent(e) }); caught != nil {
		s.config.Logger.Error("schedule: OnEvent panicked", "event", fmt.Sprintf("%T", e), "error", caught, "stack", caught.Stack)
	}
}

// log writes e as one line. Published ticks are logged at level debug only.
func (s *Scheduler) log(e Event) {
	log := s.config.Logger.With("group", s.config.Name)
	switch e := e.(type) {
	case Changed:
		if e.Err != nil {
			log.Warn("schedule: "+e.Role, "error", e.Err)
			return
		}
		log.Info("schedule: " + e.Role)
	case Published:
		log.Debug("schedule: published", "entry", e.Entry, "tick", stamp(e.Tick), "message_id", e.MessageID, "late", e.Late)
	case RanNow:
		log.Info("schedule: run now", "entry", e.Entry, "message_id", e.MessageID)
	case Failed:
		log.Error("schedule: tick not published, trying again", "entry", e.Entry, "tick", stamp(e.Tick), "error", e.Err)
	case Missed:
		log.Warn("schedule: missed ticks dropped", "entry", e.Entry, "first", stamp(e.First), "last", stamp(e.Last))
	case Differs:
		log.Warn("schedule: another process has entries that the leader does not have; they are not published", "process", e.Process, "entries", e.Entries)
	case Unreadable:
		log.Warn("schedule: removed a message from the token queue that no scheduler wrote", "error", e.Err)
	}
}
