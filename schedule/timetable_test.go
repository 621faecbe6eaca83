package schedule_test

import (
	"strings"
	"testing"
	"time"

	"github.com/warren-mq/warren/schedule"
)

// moment reads a time with its offset, as people write it.
func moment(t *testing.T, s string) time.Time {
	t.Helper()
	at, err := time.Parse("2006-01-02 15:04:05 -0700", s)
	if err != nil {
		at, err = time.Parse("2006-01-02 15:04 -0700", s)
	}
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestTicks(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, cron, zone, after string
		want                    []string
	}{
		{
			"five fields", "30 3 * * 1-5", "", "2026-01-02 12:00 +0000", // a Friday
			[]string{"2026-01-05T03:30:00Z", "2026-01-06T03:30:00Z"},
		},
		{
			"six fields begin with seconds", "*/20 59 23 31 12 *", "", "2026-01-01 00:00 +0000",
			[]string{"2026-12-31T23:59:00Z", "2026-12-31T23:59:20Z", "2026-12-31T23:59:40Z", "2027-12-31T23:59:00Z"},
		},
		{
			"a tick is never its own successor", "0 3 * * *", "", "2026-01-01 03:00 +0000",
			[]string{"2026-01-02T03:00:00Z"},
		},
		{
			"a moment between two seconds", "* * * * * *", "", "2026-01-01 03:00:00 +0000",
			[]string{"2026-01-01T03:00:01Z", "2026-01-01T03:00:02Z"},
		},
		{
			"either the day of the month or the day of the week, as in crontab", "0 0 13 * 5", "", "2026-02-07 00:00 +0000",
			[]string{"2026-02-13T00:00:00Z", "2026-02-20T00:00:00Z", "2026-02-27T00:00:00Z", "2026-03-06T00:00:00Z", "2026-03-13T00:00:00Z"},
		},
		{
			"the 29th of February", "0 0 29 2 *", "", "2026-01-01 00:00 +0000",
			[]string{"2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"},
		},
		{
			"@daily in a time zone", "@daily", "Asia/Kolkata", "2026-01-01 12:00 +0000",
			[]string{"2026-01-02T00:00:00+05:30", "2026-01-03T00:00:00+05:30"},
		},
		{
			"@hourly in a time zone", "@hourly", "Asia/Kolkata", "2026-01-01 12:00 +0000",
			[]string{"2026-01-01T18:00:00+05:30", "2026-01-01T19:00:00+05:30"},
		},
		{
			"@every is aligned, whenever it began", "@every 15m", "", "2026-01-01 12:01:02 +0000",
			[]string{"2026-01-01T12:15:00Z", "2026-01-01T12:30:00Z"},
		},
		{
			"@every in a time zone", "@every 24h", "Europe/Rome", "2026-01-01 12:00 +0000",
			[]string{"2026-01-02T01:00:00+01:00", "2026-01-03T01:00:00+01:00"},
		},
		{
			"a skipped time comes when the clock has been set", "30 2 * * *", "Europe/Rome", "2026-03-28 02:30 +0100",
			[]string{"2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"},
		},
		{
			"several skipped times are one tick", "0,15,30 2,3 * * *", "Europe/Rome", "2026-03-29 01:00 +0100",
			[]string{"2026-03-29T03:00:00+02:00", "2026-03-29T03:15:00+02:00", "2026-03-29T03:30:00+02:00", "2026-03-30T02:00:00+02:00"},
		},
		{
			"a time that comes twice has one tick, the first time", "30 2 * * *", "Europe/Rome", "2026-10-24 12:00 +0200",
			[]string{"2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"},
		},
		{
			"also for who asks between the two", "30 2 * * *", "Europe/Rome", "2026-10-25 02:15 +0100",
			[]string{"2026-10-26T02:30:00+01:00"},
		},
		{
			"the time that the clock is set back to comes once", "0 3 * * *", "Europe/Rome", "2026-10-25 02:59 +0200",
			[]string{"2026-10-25T03:00:00+01:00", "2026-10-26T03:00:00+01:00"},
		},
		{
			"a schedule of every hour skips what is skipped", "30 * * * *", "Europe/Rome", "2026-03-29 01:00 +0100",
			[]string{"2026-03-29T01:30:00+01:00", "2026-03-29T03:30:00+02:00", "2026-03-29T04:30:00+02:00"},
		},
		{
			"a schedule of every hour has the doubled one twice", "30 * * * *", "Europe/Rome", "2026-10-25 01:45 +0200",
			[]string{"2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00", "2026-10-25T03:30:00+01:00"},
		},
		{
			"the tick of the very moment the clock is set", "0 * * * *", "Europe/Rome", "2026-03-29 01:30 +0100",
			[]string{"2026-03-29T03:00:00+02:00", "2026-03-29T04:00:00+02:00"},
		},
		{
			"half an hour is skipped", "15 2 * * *", "Australia/Lord_Howe", "2026-10-03 12:00 +1030",
			[]string{"2026-10-04T02:30:00+11:00", "2026-10-05T02:15:00+11:00"},
		},
		{
			"half an hour comes twice", "45 1 * * *", "Australia/Lord_Howe", "2026-04-04 12:00 +1100",
			[]string{"2026-04-05T01:45:00+11:00", "2026-04-06T01:45:00+10:30"},
		},
		{
			"midnight is skipped", "@daily", "Africa/Cairo", "2026-04-23 12:00 +0200",
			[]string{"2026-04-24T01:00:00+03:00", "2026-04-25T00:00:00+03:00"},
		},
		{
			"a day is skipped", "0 12 * * *", "Pacific/Apia", "2011-12-29 12:00 -1000",
			[]string{"2011-12-31T00:00:00+14:00", "2011-12-31T12:00:00+14:00"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e := schedule.Entry{Name: "e", Key: "k", Cron: tt.cron, Timezone: tt.zone}
			if err := e.Validate(); err != nil {
				t.Fatal(err)
			}
			at := moment(t, tt.after)
			for i, want := range tt.want {
				at = e.Next(at)
				if got := at.Format(time.RFC3339); got != want {
					t.Fatalf("tick %d is %s, want %s", i+1, got, want)
				}
			}
		})
	}
}

// FuzzEntry checks that no expression causes a panic or an endless loop, and that the
// ticks do not depend on where the search starts.
func FuzzEntry(f *testing.F) {
	for _, cron := range []string{
		"0 3 * * *", "*/5 0-12 1,15 JAN-DEC MON", "30 0 3 * * ?", "@every 90s", "@hourly", "@yearly", "59 59 23 31 12 6",
		"TZ=", "CRON_TZ=Europe/Rome 0 3 * * *", ", * * * *", "0 0 30 2 *", "@every -1s", "*/0 * * * *", "7-3 * * * *", "\x00",
	} {
		for _, zone := range []string{"", "Europe/Rome", "Australia/Lord_Howe", "Local", "../etc/passwd"} {
			f.Add(cron, zone, int64(1774746000), uint16(17))
		}
	}
	f.Fuzz(func(t *testing.T, cron, zone string, from int64, step uint16) {
		e := schedule.Entry{Name: "e", Key: "k", Cron: cron, Timezone: zone}
		if err := e.Validate(); err != nil {
			if !strings.HasPrefix(err.Error(), "schedule: entry \"e\": ") {
				t.Errorf("the error is %q, want it to say where", err)
			}
			return
		}
		at := time.Unix(from%(1<<32), 0)
		for range 3 {
			next := e.Next(at)
			if next.IsZero() {
				return
			}
			if !next.After(at) || next.Nanosecond() != 0 {
				t.Fatalf("after %v comes %v", at, next)
			}
			between := at.Add(next.Sub(at) * time.Duration(step) / (1 << 16))
			if got := e.Next(between); !got.Equal(next) {
				t.Fatalf("after %v comes %v, and after %v comes %v", at, next, between, got)
			}
			at = next
		}
	})
}
