package console

import (
	"testing"
	"time"
)

func TestTheOldestWaitingMessage(t *testing.T) {
	t.Parallel()
	now := time.Now()
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	settled := func(all ...time.Time) (members []memberQueue) {
		for _, at := range all {
			members = append(members, memberQueue{settled: at})
		}
		return members
	}
	full := []sample{{At: ago(4 * time.Minute), Ready: 1}, {At: ago(time.Minute), Ready: 9}}
	emptied := []sample{{At: ago(4 * time.Minute)}, {At: ago(2 * time.Minute)}, {At: ago(time.Minute), Ready: 9}}
	for name, tt := range map[string]struct {
		q    queue
		want time.Duration
	}{
		"an empty queue":              {queue{Type: "quorum", Members: settled(ago(time.Second))}, 0},
		"the newest that is settled":  {queue{Type: "quorum", Ready: 9, Members: settled(ago(time.Hour), ago(90*time.Second)), history: full}, 90 * time.Second},
		"empty since then":            {queue{Type: "quorum", Ready: 9, Members: settled(ago(time.Hour)), history: emptied}, 2 * time.Minute},
		"settled after it was empty":  {queue{Type: "quorum", Ready: 9, Members: settled(ago(time.Second)), history: emptied}, time.Second},
		"a clock that is ahead":       {queue{Type: "quorum", Ready: 9, Members: settled(now.Add(time.Hour))}, time.Millisecond},
		"neither is known":            {queue{Type: "quorum", Ready: 9, Members: settled(time.Time{}), history: full}, 0},
		"a time that cannot be true":  {queue{Type: "quorum", Ready: 9, Members: settled(time.Unix(1, 0))}, 0},
		"priorities":                  {queue{Type: "classic", Priorities: 5, Ready: 9, Members: settled(ago(time.Second))}, 0},
		"a queue of unknown topology": {queue{Ready: 9, Members: settled(ago(time.Second))}, 0},
	} {
		if got := tt.q.oldestWaiting(now); got != tt.want {
			t.Errorf("%s: got %v, want %v", name, got, tt.want)
		}
	}
}
