package console

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/warren-mq/warren/internal/amqp/fleet"
	"github.com/warren-mq/warren/schedule"
)

const (
	stateFresh = 10 * time.Second // for which the state of a group is kept
	stateTime  = 5 * time.Second  // for reading it
	nextTicks  = 5
)

// schedulesPage is the data of the page of the schedules.
type schedulesPage struct {
	Groups []scheduleGroup `json:"groups"`
}

// scheduleGroup is a group of schedulers and its schedules.
type scheduleGroup struct {
	schedulers
	Leader  string          `json:"leader,omitempty"` // as it has stored its name
	Since   time.Time       `json:"since,omitzero"`
	Updated time.Time       `json:"updated_at,omitzero"`
	Fault   string          `json:"fault,omitempty"` // why the state could not be read
	Entries []scheduleEntry `json:"entries"`
}

type scheduleEntry struct {
	schedule.EntryState
	Plain string      `json:"plain"` // the cron expression in words
	Ticks []time.Time `json:"next_ticks"`
}

// scheduleStates are the states of the groups, each read at most every 10 s.
type scheduleStates struct {
	mu  sync.Mutex
	all map[string]readState
}

type readState struct {
	at    time.Time
	state schedule.State
	err   error
}

// get returns the state of a group, which the leader stores on the broker.
func (s *scheduleStates) get(ctx context.Context, c *Console, group string) (schedule.State, error) {
	s.mu.Lock()
	defer s.mu.Unlock() // one read at a time is enough
	if one, ok := s.all[group]; ok && time.Since(one.at) < stateFresh {
		return one.state, one.err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stateTime) // others get the result, too
	defer cancel()
	state, err := schedule.Read(ctx, c.config.Broker, group)
	if s.all == nil || len(s.all) > maxQueues {
		s.all = make(map[string]readState)
	}
	s.all[group] = readState{time.Now(), state, err}
	return state, err
}

func (c *Console) schedules(r *http.Request) (any, error) {
	s := c.now.Load()
	p := schedulesPage{Groups: []scheduleGroup{}}
	for _, g := range s.Groups {
		one := scheduleGroup{schedulers: g, Entries: []scheduleEntry{}}
		state, err := c.states.get(r.Context(), c, g.Group)
		if err != nil {
			one.Fault = line(err.Error())
		}
		one.Leader, one.Since, one.Updated = line(state.Leader), state.Since, state.UpdatedAt
		for _, e := range state.Entries {
			one.Entries = append(one.Entries, scheduleEntry{e, plain(e.Cron), ticks(e, s.At)})
		}
		p.Groups = append(p.Groups, one)
	}
	return p, nil
}

// ticks returns the next ticks of a schedule.
func ticks(e schedule.EntryState, now time.Time) []time.Time {
	entry := schedule.Entry{Name: e.Name, Cron: e.Cron, Timezone: e.Timezone, Exchange: e.Exchange, Key: e.Key}
	all := []time.Time{}
	for t := entry.Next(now); !t.IsZero() && len(all) < nextTicks; t = entry.Next(t) {
		all = append(all, t)
	}
	return all
}

// runSchedule has the leader of a group publish the message of a schedule now.
func (c *Console) runSchedule(r *http.Request, v values) (outcome, error) {
	group, err := v.need("group")
	if err != nil {
		return outcome{}, err
	}
	name, err := v.need("schedule")
	if err != nil {
		return outcome{}, err
	}
	to := slices.DeleteFunc(slices.Clone(c.now.Load().seen), func(s fleet.Seen) bool {
		return s.Missing || s.Schedules == nil || s.Schedules.Group != group || s.Schedules.Role != schedule.RoleLeader
	})
	if len(to) == 0 {
		return outcome{}, notFound(fmt.Errorf("console: no process announces that it leads the schedules of group %s; try again in a few seconds", line(group)))
	}
	replies, err := c.send(r.Context(), to[:1], fleet.Command{Name: fleet.ScheduleRun, Group: group, Schedule: name})
	if err != nil {
		return outcome{}, err
	}
	return told(fmt.Sprintf("Published the message of schedule %s now,", line(name)), replies)
}
