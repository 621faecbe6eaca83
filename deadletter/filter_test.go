package deadletter_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/warren-mq/warren/deadletter"
	"github.com/warren-mq/warren/message"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func TestFilterChooses(t *testing.T) {
	t.Parallel()
	l := deadletter.DeadLetter{
		ID: "m1", WorkQueue: "mail.partition.3", Reason: "permanent", Error: "Connection, refused", Fingerprint: "0a", FailedAt: noon,
		Message: message.Message{RoutingKey: "user.signed_up", Headers: message.Headers{
			"tenant": "blue", "n": int32(7), "bytes": []byte("b"), "a=b": "c,d", "at": noon,
		}},
	}
	tests := []struct {
		filter string
		want   bool
	}{
		{"", true},
		{"id=m1", true},
		{"id=m2", false},
		{"reason=permanent,fingerprint=0a", true},
		{"reason=permanent,fingerprint=0b", false},
		{`error="connection, REFUSED"`, true},
		{"error=timeout", false},
		{"key=user.*", true},
		{"key=#", true},
		{"key=*.deleted", false},
		{"queue=mail.partition.3", true},
		{"queue=mail", true},
		{"queue=mai", false},
		{"since=2026-11-23T12:00:00Z", true},
		{"since=2026-11-23T12:00:01Z", false},
		{"until=2026-11-23T12:00:00Z", false},
		{"until=2026-11-23T13:00:01+01:00", true},
		{"header.tenant=blue, header.n=7, header.bytes=b", true},
		{"header.tenant=red", false},
		{"header.none=", false},
		{`header."a=b"="c,d"`, true},
		{"header.at=2026-11-23T12:00:00Z", true},
		{"limit=1", true},
	}
	for _, tt := range tests {
		f, err := deadletter.ParseFilter(tt.filter)
		if err != nil {
			t.Error(err)
			continue
		}
		if got := f.Matches(&l); got != tt.want {
			t.Errorf("%s matches the dead letter: %v, want %v", tt.filter, got, tt.want)
		}
	}
}

func TestFilterOfTimes(t *testing.T) {
	t.Parallel()
	for text, age := range map[string]time.Duration{"since=90m": 90 * time.Minute, "since=2d": 48 * time.Hour} {
		f, err := deadletter.ParseFilter(text)
		if d := time.Since(f.Since) - age; err != nil || d < -time.Hour-time.Minute || d > time.Hour+time.Minute {
			t.Errorf("%s is since %v, %v", text, f.Since, err)
		}
	}
	unknown := deadletter.DeadLetter{}
	if (deadletter.Filter{Since: noon}).Matches(&unknown) || (deadletter.Filter{Until: noon}).Matches(&unknown) {
		t.Error("a dead letter whose failure time is unknown matches Since or Until")
	}
}

func TestInvalidFilters(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"reson=permanent":                 `unknown name "reson"`,
		"reason":                          "want name=value",
		"reason=":                         "reason is empty",
		"id=1,id=2":                       "id is used twice",
		"header.a=1,header.a=2":           `header "a"`,
		"header.=1":                       "has no name",
		"limit=none":                      "limit is",
		"limit=0":                         "limit is",
		"since=tomorrow":                  "is not a time",
		"since=-2h":                       "is not a time",
		"since=0001-01-01T00:00:00Z":      "is not a time",
		"key=user*":                       "to be a whole word",
		`error="timeout`:                  "double quote",
		`error="a"b`:                      "want a comma",
		"id=1,":                           "ends with a comma",
		strings.Repeat("x", 20_000):       "bytes",
		"key=" + strings.Repeat("x", 256): "at most 255",
	} {
		if f, err := deadletter.ParseFilter(text); err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "deadletter: ") {
			t.Errorf("%.40s gives %v and the error %v, want %q", text, f, err, want)
		}
	}
}

func TestPatternsMatchAsATopicExchangeDoes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		pattern, key string
		want         bool
	}{
		{"user.*", "user.deleted", true},
		{"user.*", "user", false},
		{"user.*", "user.a.b", false},
		{"user.#", "user", true},
		{"user.#", "user.a.b", true},
		{"#", "", true},
		{"*", "", false},
		{"#.up", "a.b.up", true},
		{"#.b.#.c", "a.b.x.b.c", true},
		{"#.b.#.c", "a.c.b", false},
		{"a.#.#.b", "a.b", true},
		{"*.#", "a", true},
		{strings.Repeat("#.", 100) + "z", strings.Repeat("a.", 100) + "b", false},
	}
	for _, tt := range tests {
		if got := deadletter.Matches(tt.pattern, tt.key); got != tt.want {
			t.Errorf("%.20s matches %.20s: %v, want %v", tt.pattern, tt.key, got, tt.want)
		}
	}
}

// FuzzParseFilter checks that a parsed filter can be printed and parsed again.
func FuzzParseFilter(f *testing.F) {
	f.Add(`reason=permanent,key=user.*,since=2h,header.tenant=blue,error="timeout, again",limit=100`)
	f.Add(`header."a=\"b"="",until=2026-11-23T12:00:00Z`)
	f.Add("id=\xff,since=7d")
	f.Fuzz(func(t *testing.T, text string) {
		filter, err := deadletter.ParseFilter(text)
		if err != nil {
			return
		}
		again, err := deadletter.ParseFilter(filter.String())
		if err != nil {
			t.Fatalf("%q became %q: %v", text, filter, err)
		}
		same := maps.Equal(filter.Headers, again.Headers) && filter.Since.Equal(again.Since) && filter.Until.Equal(again.Until)
		if same = same && again.String() == filter.String(); !same {
			t.Errorf("%q is %+v, and then %+v", text, filter, again)
		}
		filter.Matches(&deadletter.DeadLetter{})
	})
}
