package schedule_test

import (
	"strings"
	"testing"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/schedule"
)

func TestConfigReportsAllFaultsAtOnce(t *testing.T) {
	t.Parallel()
	err := schedule.Config{
		Broker: broker.Config{URL: "http://localhost"},
		Renew:  -time.Second,
		Entries: []schedule.Entry{
			{Name: "a", Cron: "61 * * * *", Timezone: "Europe/Atlantis", Exchange: strings.Repeat("x", 256)},
			{Name: "a", Cron: "0 0 30 2 *", Timezone: "Local", Body: func() {}},
			{Name: strings.Repeat("n", 201), Cron: "TZ=", Key: "k", Missed: "never", MaxMissed: -1, Tolerance: -1},
			{Name: "\xff", Cron: "@every 1500ms", Key: "k", MaxMissed: 3},
		},
	}.Validate()
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"schedule: Name is empty, want a name that all replicas share",
		"schedule: Renew is -1s, want 0 or more",
		`schedule: two entries are named "a"`,
		`entry "a": Cron is "61 * * * *", want five fields`,
		`entry "a": Timezone is "Europe/Atlantis", want a name such as Europe/Rome`,
		`entry "a": Exchange has 256 bytes, want at most 255`,
		`entry "a": Exchange and Key are empty`,
		`entry "a": Cron is "0 0 30 2 *"`, "it has no tick within five years",
		`entry "a": Timezone is Local`,
		`entry "a": Body json: unsupported type`,
		"Name has 201 bytes, want at most 200", "it contains a time zone",
		`Missed is "never", want "once", "skip" or "all"`, "MaxMissed is -1, want 0 to 1000", "Tolerance is -1ns, want 0 or more",
		"Name is not UTF-8", "the interval is 1.5s, want whole seconds", `MaxMissed is 3 and Missed is "once", want Missed to be "all"`,
		"broker: broker URL",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %q:\n%v", want, err)
		}
	}
	if err := (schedule.Config{Name: "n"}).Validate(); err == nil || !strings.Contains(err.Error(), "Entries is empty") {
		t.Errorf("without entries the error is %v", err)
	}
}

func TestEntryFaults(t *testing.T) {
	t.Parallel()
	for _, cron := range []string{
		"", "* * * *", "* * * * * * *", ", * * * *", "* , * * *", "* * * * ,", "@fortnightly", "@every", "@every x", "@every 0s", "@every -1h",
		"CRON_TZ=UTC 0 3 * * *", "*/0 * * * *", "5-1 * * * *", "0 0 31 4 *", "1-2-3 * * * *", "0 3 * * 7",
	} {
		if err := (schedule.Entry{Name: "e", Key: "k", Cron: cron}).Validate(); err == nil {
			t.Errorf("%q is taken for a cron expression", cron)
		} else if !strings.HasPrefix(err.Error(), `schedule: entry "e": Cron is`) {
			t.Errorf("%q gives %v", cron, err)
		}
	}
	if next := (schedule.Entry{}).Next(time.Now()); !next.IsZero() {
		t.Errorf("an entry that is not valid has a tick at %v", next)
	}
}

func TestMissedTicks(t *testing.T) {
	t.Parallel()
	const hourly, night = "0 * * * *", "0 3 * * *"
	for _, tt := range []struct {
		name       string
		entry      schedule.Entry
		after, now string
		want       []string // hours and minutes in UTC
	}{
		{"nothing was missed", schedule.Entry{Cron: hourly}, "2026-01-01 01:00 +0000", "2026-01-01 01:59 +0000", nil},
		{"a tick is due now", schedule.Entry{Cron: hourly}, "2026-01-01 01:00 +0000", "2026-01-01 02:00 +0000", []string{"02:00"}},
		{"a tick is a little late", schedule.Entry{Cron: hourly, Missed: schedule.Skip}, "2026-01-01 01:00 +0000", "2026-01-01 02:01 +0000", []string{"02:00"}},
		{"once, when one was missed", schedule.Entry{Cron: night}, "2026-01-01 03:00 +0000", "2026-01-02 09:00 +0000", []string{"03:00"}},
		{"once, when many were missed", schedule.Entry{Cron: hourly}, "2026-01-01 01:00 +0000", "2026-01-01 05:30 +0000", []string{"05:00"}},
		{"once, and one that is a little late", schedule.Entry{Cron: hourly}, "2026-01-01 01:00 +0000", "2026-01-01 05:01 +0000", []string{"04:00", "05:00"}},
		{"once, after years", schedule.Entry{Cron: "* * * * * *", Tolerance: time.Second}, "2016-01-01 01:00 +0000", "2026-01-01 05:00:30 +0000", []string{"05:00", "05:00", "05:00"}},
		{"once, and the last is long ago", schedule.Entry{Cron: "* * * * * 1"}, "2016-01-01 01:00 +0000", "2026-01-01 05:00 +0000", []string{"23:59"}},
		{"skip", schedule.Entry{Cron: hourly, Missed: schedule.Skip}, "2026-01-01 01:00 +0000", "2026-01-01 05:30 +0000", nil},
		{"skip, but for one that is a little late", schedule.Entry{Cron: hourly, Missed: schedule.Skip}, "2026-01-01 01:00 +0000", "2026-01-01 05:00:30 +0000", []string{"05:00"}},
		{"all", schedule.Entry{Cron: hourly, Missed: schedule.All}, "2026-01-01 01:00 +0000", "2026-01-01 04:30 +0000", []string{"02:00", "03:00", "04:00"}},
		{"all, but not too many", schedule.Entry{Cron: hourly, Missed: schedule.All, MaxMissed: 2}, "2026-01-01 01:00 +0000", "2026-01-01 08:30 +0000", []string{"07:00", "08:00"}},
		{"a larger tolerance", schedule.Entry{Cron: hourly, Missed: schedule.Skip, Tolerance: 2 * time.Hour}, "2026-01-01 01:00 +0000", "2026-01-01 08:30 +0000", []string{"07:00", "08:00"}},
		{"the clock is behind", schedule.Entry{Cron: hourly, Missed: schedule.All}, "2026-01-01 08:00 +0000", "2026-01-01 01:30 +0000", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.entry.Name, tt.entry.Key = "e", "k"
			ticks, err := schedule.Plan(tt.entry, moment(t, tt.after), moment(t, tt.now))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, tick := range ticks {
				got = append(got, tick.Format("15:04"))
			}
			if strings.Join(got, " ") != strings.Join(tt.want, " ") {
				t.Errorf("published are %v, want %v", ticks, tt.want)
			}
		})
	}
}
