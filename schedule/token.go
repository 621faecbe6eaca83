package schedule

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// token is the message whose holder is the leader. It contains the state of the group. An
// announcement is a token with an id (Announcement) and without a revision. Each process that
// joins publishes one: it contains the process's entries, and the ticks that it could not
// publish when it was the leader.
type token struct {
	State
	Revision     int64  `json:"revision,omitempty"` // grows with each commit; the highest one is current
	Announcement string `json:"hello,omitempty"`    // the id of an announcement
	// Pending is the entry whose last tick was committed together with this token. Until the
	// next token is stored, it is not known whether a queue took the tick: the leader may have
	// died before the broker returned it, or the broker may have restarted.
	Pending string `json:"pending,omitempty"`
}

const maxRevision = 1 << 62 // more than commits can reach, and far enough from an overflow

// announcement returns the announcement of this process.
func (s *Scheduler) announcement() ([]byte, error) {
	t := token{Announcement: rand.Text(), State: State{Group: s.config.Name, Leader: s.process}}
	for _, e := range s.entries {
		t.Entries = append(t.Entries, EntryState{Name: e.Name})
	}
	for _, r := range s.refused {
		*t.entry(r.Name) = r
	}
	return t.encode()
}

// decode reads a token or an announcement. It rejects what no scheduler writes.
func decode(body []byte) (t token, err error) {
	if err := json.Unmarshal(body, &t); err != nil {
		return token{}, fmt.Errorf("schedule: decode the token: %w", err)
	}
	if t.Revision < 0 || t.Revision > maxRevision || t.Revision == 0 && t.Announcement == "" {
		return token{}, fmt.Errorf("schedule: decode the token: revision is %d, want 1 to %d", t.Revision, int64(maxRevision))
	}
	for _, e := range t.Entries {
		if y := e.After.UTC().Year(); y < 1 || y > 9998 {
			return token{}, fmt.Errorf("schedule: decode the token: entry %q was published up to the year %d, want 1 to 9998", e.Name, y)
		}
	}
	return t, nil
}

func (t *token) encode() ([]byte, error) {
	body, err := json.Marshal(t)
	if err != nil {
		return nil, fmt.Errorf("schedule: encode the token: %w", err)
	}
	return body, nil
}

func (t *token) clone() token {
	c := *t
	c.Entries = slices.Clone(t.Entries)
	return c
}

func (t *token) entry(name string) *EntryState {
	if i := slices.IndexFunc(t.Entries, func(e EntryState) bool { return e.Name == name }); i >= 0 {
		return &t.Entries[i]
	}
	return nil
}

// supersede replaces t if the message is a token with a higher revision. It reports
// whether the message is a token.
func (t *token) supersede(body []byte) bool {
	other, err := decode(body)
	if err != nil || other.Announcement != "" {
		return false
	}
	if other.Revision > t.Revision {
		*t = other
	}
	return true
}

// receive applies a message from the token queue, and reports whether the token has to be stored,
// which also removes the message.
func (t *token) receive(body []byte) (changed bool, differs Differs, err error) {
	other, err := decode(body)
	if err != nil {
		return true, differs, err
	}
	if other.Announcement == "" {
		return t.merge(&other), differs, nil
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

// merge adds the ticks that an earlier leader has published, if its token arrives late.
func (t *token) merge(other *token) (changed bool) {
	if other.Leader == t.Leader && other.Since.Equal(t.Since) {
		return false // this process wrote it
	}
	for _, e := range other.Entries {
		if mine := t.entry(e.Name); mine != nil && mine.Cron == e.Cron && e.After.After(mine.After) {
			mine.After, mine.Last, mine.By = e.After, e.Last, e.By
		}
	}
	return true
}

// refused records that another process could not publish a tick, unless a process has
// published it since. If the token says that the tick was published by that process, the
// tick becomes due again.
func (e *EntryState) refused(reported EntryState) {
	switch {
	case e.After.Before(reported.Last):
		e.Error = reported.Error
	case e.After.Equal(reported.Last) && e.By == reported.By:
		e.After, e.Last, e.Error = justBefore(reported.Last), time.Time{}, reported.Error
	}
}

// recheckPending makes the pending tick due again.
func (t *token) recheckPending() {
	if e := t.entry(t.Pending); e != nil {
		e.After = justBefore(e.After)
	}
	t.Pending = ""
}

// justBefore returns the time after which tick is the next tick.
func justBefore(tick time.Time) time.Time { return tick.Add(-time.Nanosecond) }

// adopt replaces t's entries with the entries of this process, and keeps the state of
// entries with the same name. A new entry, or one with another timetable, starts at now:
// none of its earlier ticks is due.
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
