package schedule

import "time"

// Event is something that happened: one of the types below. Events may grow fields.
type Event interface{ event() }

// Changed says that the scheduler does something else now.
type Changed struct {
	Role string // RoleLeader, RoleStandby or RoleIdle
	Err  error  // why it is idle; nil at the end of Run
}

// Published says that this process has published a tick.
type Published struct {
	Entry     string
	Tick      time.Time
	MessageID string
	Late      time.Duration // how long after the tick it was confirmed
}

// Failed says that a tick could not be published. It is tried again.
type Failed struct {
	Entry string
	Tick  time.Time
	Err   error
}

// Missed says that ticks were given up, as the entry's Policy has it.
type Missed struct {
	Entry string
	First time.Time // of them
	Last  time.Time
}

// Differs says that another process of the group has entries that the leader has not:
// they are not published.
type Differs struct {
	Process string
	Entries []string
}

// Odd says that there was something in the token's queue that is not a scheduler's.
type Odd struct{ Err error }

func (Changed) event()   {}
func (Published) event() {}
func (Failed) event()    {}
func (Missed) event()    {}
func (Differs) event()   {}
func (Odd) event()       {}

// emit is the one place from which the log and OnEvent are fed.
func (s *Scheduler) emit(e Event) {
	s.log(e)
	if s.config.OnEvent != nil {
		s.config.OnEvent(e)
	}
}
