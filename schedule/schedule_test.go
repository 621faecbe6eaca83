package schedule_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/schedule"
)

// versions runs f on a broker in memory like each version of RabbitMQ.
func versions(t *testing.T, cfg devbroker.Config, f func(*bubble)) {
	t.Helper()
	t.Parallel()
	for _, version := range []string{"3.10", "4.0", "4.3"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			cfg := cfg
			cfg.Version, cfg.Heartbeat = version, -1
			inBubble(t, cfg, f)
		})
	}
}

// every returns an entry for the queue reports.
func every(interval string) []schedule.Entry {
	return []schedule.Entry{{Name: "e", Cron: "@every " + interval, Key: "reports"}}
}

// want compares the ids in the queue reports with an entry's ticks between two moments,
// the second included. The ticks of mayRepeat may be there again.
func (b *bubble) want(e schedule.Entry, from, to time.Time, mayRepeat ...time.Time) {
	b.t.Helper()
	id := func(tick time.Time) string { return e.Name + "/" + tick.UTC().Format(time.RFC3339) }
	var want []string
	for tick := e.Next(from); !tick.After(to); tick = e.Next(tick) {
		want = append(want, id(tick))
	}
	got := slices.CompactFunc(b.ids("reports"), func(x, y string) bool {
		return x == y && slices.ContainsFunc(mayRepeat, func(tick time.Time) bool { return id(tick) == x })
	})
	if !slices.Equal(got, want) {
		b.t.Errorf("published are %d: %v\nwant %d: %v", len(got), got, len(want), want)
	}
}

func TestOneOfManyReplicasPublishesYearsOfTicks(t *testing.T) {
	t.Parallel()
	inBubble(t, devbroker.Config{ConsumerTimeout: -1, Heartbeat: -1}, func(b *bubble) {
		b.declare("reports", nil)
		began := time.Now()
		entries := []schedule.Entry{{Name: "nightly", Cron: "30 2 * * *", Timezone: "Europe/Rome", Key: "reports"}}
		daily := func(c *schedule.Config) { c.Renew = 24 * time.Hour }
		var all []*running
		for range 3 {
			all = append(all, b.run(entries, daily))
		}
		for range 12 { // every quarter another one leaves and comes back
			time.Sleep(91 * 24 * time.Hour)
			all[0].end()
			all = append(all[1:], b.run(entries, daily))
		}
		b.want(entries[0], began, time.Now())
		for _, r := range all {
			r.end()
		}
	})
}

func TestTheMessageOfATick(t *testing.T) {
	t.Parallel()
	inBubble(t, devbroker.Config{}, func(b *bubble) {
		b.declare("reports", nil)
		headers := message.Headers{"team": "ops", "warren-routing-key": "other", "warren-retry-count": int64(4)}
		r := b.run([]schedule.Entry{
			{Name: "json", Cron: "0 3 * * *", Timezone: "Europe/Rome", Key: "reports", Body: map[string]any{"days": 7}, Headers: headers, Priority: 5},
			{Name: "raw", Cron: "0 4 * * *", Key: "reports", Body: []byte("a,b")},
			{Name: "nothing", Cron: "0 5 * * *", Key: "reports", ContentType: "application/x-empty"},
		})
		time.Sleep(6 * time.Hour)
		r.end()
		var got []string
		for _, m := range b.broker.Messages("/", "reports") {
			got = append(got, fmt.Sprint(m.MessageID, " ", m.ContentType, " ", string(m.Body), " ", m.Headers[schedule.HeaderName], " ", m.Headers[schedule.HeaderTick], " ", m.Headers["team"], " ", m.Priority))
			if m.Headers["warren-routing-key"] != nil || m.Headers["warren-retry-count"] != nil {
				b.t.Errorf("the message of a tick has the headers of another message: %v", m.Headers)
			}
		}
		want := []string{
			`json/2000-01-01T02:00:00Z application/json {"days":7} json 2000-01-01T03:00:00+01:00 ops 5`,
			`raw/2000-01-01T04:00:00Z application/octet-stream a,b raw 2000-01-01T04:00:00Z <nil> 0`,
			`nothing/2000-01-01T05:00:00Z application/x-empty {} nothing 2000-01-01T05:00:00Z <nil> 0`,
		}
		if !slices.Equal(got, want) {
			b.t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
}

// The leader renews its token, so that the consumer timeout does not close its channel.
func TestTheLeadOutlastsTheConsumerTimeout(t *testing.T) {
	versions(t, devbroker.Config{}, func(b *bubble) {
		b.declare("reports", nil)
		r := b.run([]schedule.Entry{{Name: "e", Cron: "0 0 1 * *", Key: "reports"}})
		time.Sleep(8 * time.Hour)
		if got := seen[schedule.Changed](r); len(got) != 2 || got[1].Role != schedule.RoleLeader {
			b.t.Errorf("the roles were %v, want standing by and leading", got)
		}
		r.end()
	})
}

// A leader that does not renew in time is replaced, and publishes no ticks in between.
// The test has no tick at the moment of a timeout, because a leader that RabbitMQ 4.3
// replaces at that moment can still publish.
func TestALeaderThatIsTooSlowIsReplaced(t *testing.T) {
	versions(t, devbroker.Config{ConsumerTimeout: 31*time.Minute + 7*time.Second}, func(b *bubble) {
		b.declare("reports", nil)
		began := time.Now()
		slow := func(c *schedule.Config) { c.Renew = 40 * time.Minute }
		first, second := b.run(every("5h"), slow), b.run(every("5h"), slow)
		time.Sleep(24*time.Hour + time.Second)
		b.want(every("5h")[0], began, time.Now())
		if n := len(seen[schedule.Changed](first)); n < 5 {
			b.t.Errorf("the role changed %d times, want more: the timeout is shorter than Renew", n)
		}
		first.end()
		second.end()
	})
}

func TestALostConnectionCostsNoTick(t *testing.T) {
	versions(t, devbroker.Config{}, func(b *bubble) {
		b.declare("reports", nil)
		began := time.Now()
		first, second := b.run(every("1s")), b.run(every("1s"))
		for range 10 {
			time.Sleep(11*time.Second + 70*time.Millisecond) // never at a tick, which could then be published twice
			b.broker.Drop()
		}
		time.Sleep(10*time.Second + 500*time.Millisecond)
		b.want(every("1s")[0], began, time.Now())
		for _, r := range []*running{first, second} {
			for _, p := range seen[schedule.Published](r) {
				if p.Late > 5*time.Second {
					b.t.Errorf("%s was %v late", p.MessageID, p.Late)
				}
			}
			r.end()
		}
	})
}

// Ticks are missed while no scheduler runs. Within the tolerance they are still published.
func TestTicksMissedWhileNothingRuns(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		policy schedule.Policy
		down   time.Duration
		want   int // ticks published at the start
		missed int // events
	}{
		{"once", schedule.Once, 10*time.Hour + 30*time.Minute, 1, 1},
		{"once, of one", schedule.Once, time.Hour + 30*time.Minute, 1, 0},
		{"skip", schedule.Skip, 10*time.Hour + 30*time.Minute, 0, 1},
		{"all", schedule.All, 10*time.Hour + 30*time.Minute, 10, 0},
		{"none within the tolerance is missed", schedule.Skip, time.Hour + 30*time.Second, 1, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, devbroker.Config{}, func(b *bubble) {
				b.declare("reports", nil)
				entries := every("1h")
				entries[0].Missed = tt.policy
				r := b.run(entries)
				time.Sleep(time.Hour)
				synctest.Wait()
				r.end()
				time.Sleep(tt.down)
				r = b.run(entries)
				time.Sleep(time.Second)
				if got := len(seen[schedule.Published](r)); got != tt.want {
					b.t.Errorf("%d ticks are published at the start, want %d: %v", got, tt.want, b.ids("reports"))
				}
				if got := seen[schedule.Missed](r); len(got) != tt.missed {
					b.t.Errorf("missed are %v, want %d", got, tt.missed)
				}
				r.end()
			})
		})
	}
}

func TestANewEntryBeginsNow(t *testing.T) {
	t.Parallel()
	inBubble(t, devbroker.Config{}, func(b *bubble) {
		b.declare("reports", nil)
		time.Sleep(90 * time.Minute)
		stay := schedule.Entry{Name: "stay", Cron: "0 * * * *", Key: "reports"}
		for _, entries := range [][]schedule.Entry{
			{stay}, // 02:00
			{stay, {Name: "new", Cron: "30 0 * * *", Key: "reports"}},                         // 03:00 and 04:00, which was missed
			{stay, {Name: "new", Cron: "45 5 * * *", Key: "reports"}},                         // another time: 05:00
			{{Name: "new", Cron: "45 5 * * *", Key: "reports"}},                               // without stay
			{stay, {Name: "new", Cron: "45 5 * * *", Key: "reports"}},                         // stay is new: 08:00
			{stay, {Name: "new", Cron: "45 5 * * *", Timezone: "Asia/Tokyo", Key: "reports"}}, // 09:00
		} {
			r := b.run(entries)
			time.Sleep(time.Hour)
			r.end()
			time.Sleep(20 * time.Minute)
		}
		got := strings.ReplaceAll(strings.Join(b.ids("reports"), " "), "/2000-01-01T", " ")
		want := "stay 02:00:00Z stay 03:00:00Z stay 04:00:00Z stay 05:00:00Z new 05:45:00Z stay 07:00:00Z stay 08:00:00Z stay 09:00:00Z"
		if got != want {
			b.t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}
