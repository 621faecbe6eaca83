package schedule

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// timetable returns the first tick after the given time, or the zero time if no tick
// comes within about five years. It is a pure function, so all replicas compute the same
// ticks.
type timetable func(after time.Time) time.Time

const everyPrefix = "@every "

// parse reads a cron expression. It checks two things that the parser of cron/v3 does not:
// that parser panics on a time zone without fields after it, and loops endlessly if a
// field has no value.
func parse(expression string, loc *time.Location) (timetable, error) {
	switch {
	case strings.Contains(expression, "TZ="):
		return nil, errors.New("it contains a time zone, want the time zone in Timezone")
	case strings.HasPrefix(expression, everyPrefix):
		return parseEvery(strings.TrimPrefix(expression, everyPrefix), loc)
	}
	parsed, err := cron.NewParser(cron.SecondOptional | cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor).Parse(expression)
	if err != nil {
		return nil, err
	}
	spec, ok := parsed.(*cron.SpecSchedule)
	switch {
	case !ok:
		return nil, fmt.Errorf("the parser returned a %T, want a *cron.SpecSchedule", parsed)
	case spec.Second == 0 || spec.Minute == 0 || spec.Hour == 0 || spec.Dom == 0 || spec.Month == 0 || spec.Dow == 0:
		return nil, errors.New("a field has no value, want at least one")
	}
	spec.Location = time.UTC // spec gets only the times that wall returns
	if spec.Hour&anyHour == 0 {
		return fixed(spec, loc), nil
	}
	return running(spec, loc), nil
}

// anyHour is the bit that the parser sets for a * in a field.
const anyHour = 1 << 63

func parseEvery(interval string, loc *time.Location) (timetable, error) {
	d, err := time.ParseDuration(interval)
	if err != nil {
		return nil, err
	}
	if d < time.Second || d%time.Second != 0 {
		return nil, fmt.Errorf("the interval is %v, want whole seconds, 1s or more", d)
	}
	return func(after time.Time) time.Time { return after.Truncate(d).Add(d).In(loc) }, nil
}

// wall returns the local date and time of t in its time zone, as a time in UTC.
func wall(t time.Time) time.Time { return t.UTC().Add(offset(t)) }

func offset(t time.Time) time.Duration {
	_, seconds := t.Zone()
	return time.Duration(seconds) * time.Second
}

// running returns the timetable of a schedule of every hour. It follows elapsed time: a
// skipped hour has no ticks, and a repeated hour has its ticks twice.
func running(spec cron.Schedule, loc *time.Location) timetable {
	return func(after time.Time) time.Time {
		zone := after.In(loc)
		for clock := wall(zone); ; {
			clock = spec.Next(clock)
			if clock.IsZero() {
				return clock
			}
			tick := clock.Add(-offset(zone)).In(loc)
			_, end := zone.ZoneBounds()
			if end.IsZero() || tick.Before(end) {
				return tick
			}
			zone = end.In(loc) // the offset changes here: continue the search with the new one
			clock = wall(zone).Add(-time.Second)
		}
	}
}

// fixed returns the timetable of a schedule of certain hours. Each local time has one
// tick. If the local time is repeated, the tick is at its first occurrence; if it is
// skipped, the tick is at the change of the clock.
func fixed(spec cron.Schedule, loc *time.Location) timetable {
	return func(after time.Time) time.Time {
		for clock := wall(after.In(loc)); ; {
			clock = spec.Next(clock)
			if clock.IsZero() {
				return clock
			}
			if tick := instant(clock, loc); tick.After(after) {
				return tick
			}
		}
	}
}

// instant returns when a local clock first shows the given time, or is set past it.
func instant(clock time.Time, loc *time.Location) time.Time {
	const day = 24 * time.Hour
	before, after := offset(clock.Add(-day).In(loc)), offset(clock.Add(day).In(loc))
	for _, off := range []time.Duration{max(before, after), min(before, after)} {
		if t := clock.Add(-off).In(loc); offset(t) == off {
			return t
		}
	}
	set, _ := clock.Add(-before).In(loc).ZoneBounds()
	return set.In(loc)
}

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
