package engine

import (
	"context"

	"github.com/warren-mq/warren/fleet"
	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/schedule"
)

// fleet returns how the workers announce the process and who may control it.
func (e *Engine) fleet(c config.Fleet) *fleet.Config {
	if !c.Announce {
		return nil
	}
	return &fleet.Config{Users: c.Users, Level: e.options.Level, Drain: e.drainNow, Schedule: e.schedule, RunSchedule: e.runSchedule}
}

// drainNow makes Run drain and return nil.
func (e *Engine) drainNow() {
	select {
	case e.drain <- struct{}{}:
	default: // it was called before
	}
}

// runSchedule publishes the message of a schedule now.
func (e *Engine) runSchedule(ctx context.Context, name string) (messageID string, err error) {
	e.mu.Lock()
	s := e.scheduler
	e.mu.Unlock()
	if s == nil {
		return "", schedule.ErrNotLeader
	}
	return s.RunNow(ctx, name)
}

// schedule returns the state of the scheduler, if there is one.
func (e *Engine) schedule() fleet.Schedule {
	e.mu.Lock()
	s, group := e.scheduler, e.config.Scheduler.Name
	e.mu.Unlock()
	if s == nil {
		return fleet.Schedule{}
	}
	h := s.Health()
	f := fleet.Schedule{Group: group, Role: h.Role, Reasons: h.Reasons}
	if last := s.last.Load(); last != nil {
		f.Last = *last
	}
	return f
}
