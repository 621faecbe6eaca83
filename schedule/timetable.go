package schedule

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// timetable returns the first tick after a moment; zero if there is none within
// about five years. It is a pure function: every replica finds the same ticks.
type timetable func(after time.Time) time.Time

const everyPrefix = "@every "

// parse reads a cron expression. The parser of cron/v3 panics on a time zone without
// anything behind it, and searches for ever where a field has no value.
func parse(expression string, loc *time.Location) (timetable, error) {
	switch {
	case strings.Contains(expression, "TZ="):
		return nil, errors.New("it has a time zone in it: use Timezone")
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
		return nil, fmt.Errorf("it is a %T", parsed)
	case spec.Second == 0 || spec.Minute == 0 || spec.Hour == 0 || spec.Dom == 0 || spec.Month == 0 || spec.Dow == 0:
		return nil, errors.New("it has a field without a value")
	}
	spec.Location = time.UTC // it is only asked of wall clocks: see wall
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

// wall is what a clock on the wall of t's time zone shows, as if it were UTC.
func wall(t time.Time) time.Time { return t.UTC().Add(offset(t)) }

func offset(t time.Time) time.Duration {
	_, seconds := t.Zone()
	return time.Duration(seconds) * time.Second
}

// running is for schedules of every hour: they follow the time that passes, so that
// an hour that is skipped has no ticks and one that comes twice has them twice.
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
			zone = end.In(loc) // the clock is set, and the search goes on from there
			clock = wall(zone).Add(-time.Second)
		}
	}
}

// fixed is for schedules of certain hours: each time the clock shows has its tick
// once, the first time if it comes twice, and when the clock has been set if it is
// skipped.
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

// instant is when a wall clock first shows this time, or is set past it.
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
