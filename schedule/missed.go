package schedule

import "time"

// plan is the next step for one entry.
type plan struct {
	tick  time.Time // the tick to publish now; zero if no tick is due
	next  time.Time // if no tick is due, the time of the next check; zero means never
	after time.Time // ticks up to this time are done or dropped
	first time.Time // the first tick that is dropped
}

// plan returns the next step at the time now, if the ticks up to after are done. It is a
// pure function.
func (c compiled) plan(after, now time.Time) plan {
	next := c.next(after)
	if next.IsZero() || next.After(now) {
		return plan{next: next, after: after}
	}
	limit := justBefore(now.Add(-c.Tolerance)) // ticks up to this time are missed
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

// newest returns the newest n ticks later than after and not later than end, in order. It
// searches backwards from end in growing steps, because years of ticks may have been missed.
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
