package schedule

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// token is the message that makes a leader, and the memory of the group. A hello is a
// token with an id and without a revision, by which those who join tell the leader of themselves, and of
// ticks that they could not publish when they led.
type token struct {
	State
	Revision int64  `json:"revision,omitempty"` // grows with each commit: the highest counts
	Hello    string `json:"hello,omitempty"`    // the id of who says hello
	// Pending is the entry whose last tick left with this token. Whether the tick has
	// arrived is certain only if the broker has lived on since.
	Pending string `json:"pending,omitempty"`
	// Heard are the ids of the latest hellos: who finds its own here has been
	// connected since before this token.
	Heard []string `json:"heard,omitempty"`
}

const (
	maxHeard    = 100
	maxRevision = 1 << 62 // out of reach, and with room to go on
)

// hello is what this process says when it joins.
func (s *Scheduler) hello() (id string, body []byte, err error) {
	t := token{Hello: rand.Text(), State: State{Group: s.config.Name, Leader: s.process}}
	for _, e := range s.entries {
		t.Entries = append(t.Entries, EntryState{Name: e.Name})
	}
	for _, r := range s.refused {
		*t.entry(r.Name) = r
	}
	body, err = t.encode()
	return t.Hello, body, err
}

// decode reads a token, or a hello. It refuses what no scheduler has said.
func decode(said []byte) (t token, err error) {
	if err := json.Unmarshal(said, &t); err != nil {
		return token{}, fmt.Errorf("schedule: the token: %w", err)
	}
	if t.Revision < 0 || t.Revision > maxRevision || t.Revision == 0 && t.Hello == "" {
		return token{}, fmt.Errorf("schedule: the token: its revision is %d, want 1 to %d", t.Revision, int64(maxRevision))
	}
	for _, e := range t.Entries {
		if y := e.After.UTC().Year(); y < 1 || y > 9998 {
			return token{}, fmt.Errorf("schedule: the token: entry %q was published up to the year %d, want 1 to 9998", e.Name, y)
		}
	}
	return t, nil
}

func (t *token) encode() ([]byte, error) {
	body, err := json.Marshal(t)
	if err != nil {
		return nil, fmt.Errorf("schedule: the token: %w", err)
	}
	return body, nil
}

func (t *token) clone() token {
	c := *t
	c.Entries, c.Heard = slices.Clone(t.Entries), slices.Clone(t.Heard)
	return c
}

func (t *token) entry(name string) *EntryState {
	if i := slices.IndexFunc(t.Entries, func(e EntryState) bool { return e.Name == name }); i >= 0 {
		return &t.Entries[i]
	}
	return nil
}

// supersede makes t what was said if that is a later token, and says whether it is a
// token at all.
func (t *token) supersede(said []byte) bool {
	other, err := decode(said)
	if err != nil || other.Hello != "" {
		return false
	}
	if other.Revision > t.Revision {
		*t = other
	}
	return true
}

// hear adds what comes to the leader, and says whether it changes anything.
func (t *token) hear(said []byte) (changed bool, differs Differs, err error) {
	other, err := decode(said)
	if err != nil {
		return true, differs, err
	}
	if other.Hello == "" {
		return t.learn(&other), differs, nil
	}
	if t.Heard = append(t.Heard, other.Hello); len(t.Heard) > maxHeard {
		t.Heard = t.Heard[1:]
	}
	differs.Process = other.Leader
	for _, e := range other.Entries {
		mine := t.entry(e.Name)
		if mine == nil {
			differs.Entries = append(differs.Entries, e.Name)
		} else if e.Error != "" {
			mine.refused(e)
		}
	}
	return true, differs, nil
}

// learn takes over what another leader has published, whose token has come late.
func (t *token) learn(other *token) (changed bool) {
	if other.Leader == t.Leader && other.Since.Equal(t.Since) {
		return false // our own
	}
	for _, e := range other.Entries {
		if mine := t.entry(e.Name); mine != nil && mine.Cron == e.Cron && e.After.After(mine.After) {
			mine.After, mine.Last, mine.By = e.After, e.Last, e.By
		}
	}
	return true
}

// refused notes that a tick could not be published, as another process says, unless
// somebody has published it since. It is due again if that process had stored that it
// was published.
func (e *EntryState) refused(said EntryState) {
	switch {
	case e.After.Before(said.Last):
		e.Error = said.Error
	case e.After.Equal(said.Last) && e.By == said.By:
		e.After, e.Last, e.Error = justBefore(said.Last), time.Time{}, said.Error
	}
}

// doubt makes the last tick due again, unless this process, whose hello has the id, was
// connected when it left: then the broker has lived since, and done all it was told.
func (t *token) doubt(id string) {
	if e := t.entry(t.Pending); e != nil && !slices.Contains(t.Heard, id) {
		e.After = justBefore(e.After)
	}
	t.Pending = ""
}

// justBefore makes a tick the next one again.
func justBefore(tick time.Time) time.Time { return tick.Add(-time.Nanosecond) }

// adopt makes t's entries those of this process, by name. An entry that is new or has
// another timetable begins now: nothing of the past is due.
func (t *token) adopt(entries []compiled, now time.Time) {
	adopted := make([]EntryState, len(entries))
	for i, e := range entries {
		s := EntryState{Name: e.Name, After: now}
		if before := t.entry(e.Name); before != nil {
			s = *before
			if (before.Cron != e.Cron || before.Timezone != e.Timezone) && s.After.Before(now) {
				s.After = now
			}
		}
		s.Cron, s.Timezone, s.Exchange, s.Key = e.Cron, e.Timezone, e.Exchange, e.Key
		adopted[i] = s
	}
	t.Entries = adopted
}
