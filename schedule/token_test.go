package schedule_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/schedule"
)

// FuzzToken checks that a leader works with any message in the token queue: it continues
// with its own entries, in its own order, and stores a token that can be read.
func FuzzToken(f *testing.F) {
	for _, messages := range []string{
		"", "null", "{}", "[]", "\x00", `{"revision":-1}`, `{"revision":9223372036854775807}`,
		`{"revision":1,"pending":"a","entries":[{"name":"a","cron":"@every 1h","timezone":"UTC","after":"0000-01-01T00:00:00Z"}]}`,
		`{"revision":2,"leader":"h:1","since":"2026-01-01T00:00:00Z","pending":"b","entries":[{"name":"b","after":"2026-01-01T03:00:00+01:00","last":"2026-01-01T03:00:00Z"},{"name":"b"}]}`,
		`{"hello":"x","leader":"h:2","entries":[{"name":"a","error":"no queue","last":"9999-12-31T23:59:59Z","by":"h:1"},{"name":"z"}]}`,
	} {
		f.Add([]byte(messages), []byte(messages))
	}
	cfg := schedule.Config{
		Name: "g", Broker: broker.Config{URL: "amqp://localhost"}, Logger: slog.New(slog.DiscardHandler),
		Entries: []schedule.Entry{{Name: "a", Cron: "@every 1h", Key: "k"}, {Name: "b", Cron: "0 3 * * *", Timezone: "Europe/Rome", Key: "k"}},
	}
	now := time.Date(2026, 1, 1, 12, 30, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, one, two []byte) {
		body, err := schedule.Remember(cfg, now, one, two)
		if err != nil {
			t.Fatal(err)
		}
		state, err := schedule.Decode(body)
		if err != nil {
			t.Fatalf("what was stored cannot be read: %v\n%s", err, body)
		}
		var names []string
		for _, e := range state.Entries {
			names = append(names, fmt.Sprint(e.Name, " ", e.Cron, " ", e.Timezone))
		}
		if got, want := strings.Join(names, ", "), "a @every 1h UTC, b 0 3 * * * Europe/Rome"; got != want || state.Group != "g" {
			t.Errorf("the entries of %q are %s, want %s", state.Group, got, want)
		}
		if again, err := schedule.Remember(cfg, now, body); err != nil || bytes.Equal(again, body) {
			t.Errorf("the next leader says the same, revision included (%v):\n%s", err, again)
		}
	})
}

func TestHowALeaderTreatsTheToken(t *testing.T) {
	t.Parallel()
	cfg := schedule.Config{
		Name: "g", Broker: broker.Config{URL: "amqp://localhost"}, Logger: slog.New(slog.DiscardHandler),
		Entries: []schedule.Entry{{Name: "a", Cron: "@every 1h", Key: "k"}},
	}
	token := func(revision int, after, rest string) string {
		return fmt.Sprintf(`{"revision":%d,"leader":"old","entries":[{"name":"a","cron":"@every 1h","timezone":"UTC","after":"2026-01-01T%sZ","last":"2026-01-01T%[2]sZ","by":"old"}]%s}`, revision, after, rest)
	}
	refused := func(last, by string) string {
		return fmt.Sprintf(`{"hello":"x","leader":"h","entries":[{"name":"a","error":"no queue","last":"2026-01-01T%sZ","by":%q}]}`, last, by)
	}
	for name, tt := range map[string]struct {
		messages []string
		after    string // the moment after which ticks are still to be published
		err      string
	}{
		"no messages":                    {nil, "12:30:00", ""},
		"a token":                        {[]string{token(1, "11:00:00", "")}, "11:00:00", ""},
		"of two tokens the later counts": {[]string{token(2, "12:00:00", ""), token(1, "11:00:00", "")}, "12:00:00", ""},
		"the last tick is pending":       {[]string{token(1, "11:00:00", `,"pending":"a"`)}, "10:59:59.999999999", ""},
		"a tick is pending that is no longer the last":    {[]string{token(2, "12:00:00", ""), token(1, "11:00:00", `,"pending":"a"`)}, "12:00:00", ""},
		"who published the last tick says it was refused": {[]string{token(1, "11:00:00", ""), refused("11:00:00", "old")}, "10:59:59.999999999", "no queue"},
		"somebody else says so, who was earlier":          {[]string{token(1, "11:00:00", ""), refused("11:00:00", "older")}, "11:00:00", ""},
		"a tick that is not stored was refused":           {[]string{token(1, "10:00:00", ""), refused("11:00:00", "old")}, "10:00:00", "no queue"},
		"a tick long done was refused":                    {[]string{token(1, "11:00:00", ""), refused("10:00:00", "old")}, "11:00:00", ""},
		"a message of somebody else":                      {[]string{"hello", token(1, "11:00:00", ""), `{"job":1}`}, "11:00:00", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var messages [][]byte
			for _, s := range tt.messages {
				messages = append(messages, []byte(s))
			}
			body, err := schedule.Remember(cfg, moment(t, "2026-01-01 12:30 +0000"), messages...)
			if err != nil {
				t.Fatal(err)
			}
			state, err := schedule.Decode(body)
			if err != nil {
				t.Fatal(err)
			}
			if e := state.Entries[0]; e.After.Format("15:04:05.999999999") != tt.after || e.Error != tt.err {
				t.Errorf("published up to %v, error %q, want %v and %q", e.After, e.Error, tt.after, tt.err)
			}
		})
	}
}
