package demo

import (
	"slices"
	"strings"
	"sync"

	"github.com/warren-mq/warren/examples/signup/internal/live"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
)

// journeys holds the journeys of the latest sign-ups. It is safe for concurrent use.
type journeys struct {
	mu    sync.Mutex
	byID  map[string]*live.Journey
	order []string // of the ids, the earliest first
}

// maxJourneys is how many journeys are kept.
const maxJourneys = 20_000

// of returns the journey of the account, and creates it if necessary. The caller holds the
// mutex.
func (j *journeys) of(id string) *live.Journey {
	if one := j.byID[id]; one != nil {
		return one
	}
	if j.byID == nil {
		j.byID = make(map[string]*live.Journey)
	}
	if len(j.order) == maxJourneys {
		delete(j.byID, j.order[0])
		j.order = j.order[1:]
	}
	one := &live.Journey{Signup: live.Signup{ID: id, State: live.Waiting}}
	j.byID[id], j.order = one, append(j.order, id)
	return one
}

// begin records the answer to a sign-up. Steps of its event may have been recorded before.
func (j *journeys) begin(s live.Signup, what string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	one := j.of(s.ID)
	one.Signup = s
	step := live.Step{At: s.At.Add(s.Took), Where: "service", What: what, State: live.Done, Took: s.Took}
	if s.Sync { // the answer comes after the steps that the visitor waited for
		one.Steps = append(one.Steps, step)
		return
	}
	one.Steps = slices.Insert(one.Steps, 0, step)
}

// note adds a step to the journey of an account.
func (j *journeys) note(id string, s live.Step) {
	if id == "" {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	one := j.of(id)
	one.Steps = append(one.Steps, s)
}

// replayed adds a step if the message is a dead letter that was replayed, unless the journey has
// that step already: the first attempt may be delivered twice.
func (j *journeys) replayed(m *message.Message) {
	at, err := m.Headers.Time(record.HeaderReplayedAt)
	if m.CorrelationID == "" || m.Attempt > 1 || err != nil || at.IsZero() {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	one := j.of(m.CorrelationID)
	if slices.ContainsFunc(one.Steps, func(s live.Step) bool {
		return s.State == live.Replayed && s.Where == m.Queue && s.At.Equal(at)
	}) {
		return
	}
	one.Steps = append(one.Steps, live.Step{
		At: at, Where: m.Queue, What: "replayed: the dead letter went back to its queue", State: live.Replayed,
		Detail: "by " + m.Headers.String(record.HeaderReplayedBy),
	})
}

// verified records that the link was followed.
func (j *journeys) verified(id string, s live.Step) {
	j.mu.Lock()
	defer j.mu.Unlock()
	one := j.of(id)
	one.Steps, one.Verified = append(one.Steps, s), true
}

// settled replaces the step of a running handler with its outcome.
func (j *journeys) settled(id string, s live.Step) {
	if id == "" {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	one := j.of(id)
	for i, old := range slices.Backward(one.Steps) {
		if old.Where == s.Where && old.State == live.Working {
			one.Steps = slices.Delete(one.Steps, i, i+1)
			break
		}
	}
	one.Steps = append(one.Steps, s)
}

// get returns a copy of the journey of the account. queues are the queues that it passes
// through.
func (j *journeys) get(id string, queues []string) (live.Journey, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	one := j.byID[id]
	if one == nil || one.At.IsZero() {
		return live.Journey{}, false
	}
	c := *one
	c.Steps, c.State = slices.Clone(one.Steps), state(one, queues)
	return c, true
}

// recent returns the latest sign-ups, the latest first.
func (j *journeys) recent(limit int, queues []string) (all []live.Signup) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, id := range slices.Backward(j.order) {
		if len(all) == limit {
			break
		}
		if one := j.byID[id]; !one.At.IsZero() {
			s := one.Signup
			s.State = state(one, queues)
			all = append(all, s)
		}
	}
	return all
}

// done returns how many of the people of a crowd have a journey that is done.
func (j *journeys) done(crowd string, queues []string) (n int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, one := range j.byID {
		if strings.Contains(one.Email, "."+crowd+"@") && state(one, queues) == live.Done {
			n++
		}
	}
	return n
}

// worst orders the states of the branches: the first that occurs is the state of the whole
// journey.
var worst = []live.State{live.Dead, live.Retrying, live.Working, live.Replayed, live.Waiting}

// state returns the state of the worst branch, or done once every queue is done.
func state(j *live.Journey, queues []string) live.State {
	if j.Sync {
		return live.Done
	}
	branches := make(map[string]live.State)
	for _, s := range j.Steps {
		if slices.Contains(queues, s.Where) {
			branches[s.Where] = s.State
		}
	}
	for _, w := range worst {
		for _, s := range branches {
			if s == w {
				return w
			}
		}
	}
	want := len(queues)
	if j.Known { // the only task is the mail to the owner of the address
		want = 1
	}
	if len(branches) < want {
		return live.Waiting
	}
	return live.Done
}
