package schedule

import "time"

// plan is what is to be done for one entry.
type plan struct {
	tick  time.Time // to be published now; zero if there is none
	next  time.Time // else when there may be one; zero for never
	after time.Time // what comes up to here is given up
	first time.Time // of the ticks given up
}

// plan says what is due at a moment, if the ticks until after have been dealt with. It
// is a pure function.
func (c compiled) plan(after, now time.Time) plan {
	next := c.next(after)
	if next.IsZero() || next.After(now) {
		return plan{next: next, after: after}
	}
	limit := justBefore(now.Add(-c.Tolerance)) // what comes up to here is missed
	if next.After(limit) {
		return plan{tick: next, after: after}
	}
	keep := map[Policy]int{Once: 1, Skip: 0, All: c.MaxMissed}[c.Missed]
	missed := c.newest(after, limit, keep+1)
	switch {
	case len(missed) <= keep:
		return plan{tick: next, after: after}
	case keep == 0:
		return plan{next: now, after: missed[0], first: next}
	}
	return plan{tick: missed[1], after: missed[0], first: next}
}

// newest returns the newest n ticks of those after a moment and up to another, in
// order. It looks back from the end, further and further: years may have been missed.
func (c compiled) newest(after, end time.Time, n int) []time.Time {
	for back := time.Minute; ; back *= 4 {
		begin := end.Add(-back)
		if back <= 0 || !begin.After(after) {
			begin = after
		}
		var found []time.Time
		for t := c.next(begin); !t.IsZero() && !t.After(end); t = c.next(t) {
			if found = append(found, t); len(found) > n {
				found = found[1:]
			}
		}
		if len(found) == n || begin.Equal(after) {
			return found
		}
	}
}
