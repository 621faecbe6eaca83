package live_test

import (
	"testing"
	"time"

	"github.com/warren-mq/warren/examples/signup/internal/live"
)

func TestDurationsAreWrittenInOneWay(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0:                        "0.0 ms",
		3140 * time.Microsecond:  "3.1 ms",
		500 * time.Millisecond:   "500 ms",
		time.Second:              "1 s",
		1100 * time.Millisecond:  "1.1 s",
		4110 * time.Millisecond:  "4.11 s",
		12345 * time.Millisecond: "12 s",
		time.Minute:              "1 min 0 s",
		90500 * time.Millisecond: "1 min 30 s",
		61 * time.Minute:         "61 min 0 s",
	} {
		if got := live.Duration(d); got != want {
			t.Errorf("%v is written %q, want %q", d, got, want)
		}
	}
}

func TestNumbersHaveCommasBetweenTheThousands(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1000: "-1,000", -100: "-100"} {
		if got := live.Count(n); got != want {
			t.Errorf("%d is written %q, want %q", n, got, want)
		}
	}
}

func TestTheMediansAreCompared(t *testing.T) {
	t.Parallel()
	of := func(median time.Duration) live.Latency { return live.Latency{Count: 1, P50: median, P99: time.Minute} }
	for name, tt := range map[string]struct {
		a, b live.Latency
		want string
	}{
		"much sooner":        {of(65 * time.Millisecond), of(2030 * time.Millisecond), "31× sooner"},
		"a thousand times":   {of(2 * time.Millisecond), of(3 * time.Second), "1,500× sooner"},
		"a little sooner":    {of(65 * time.Millisecond), of(80 * time.Millisecond), "1.2× sooner"},
		"just below ten":     {of(100 * time.Millisecond), of(994 * time.Millisecond), "9.9× sooner"},
		"rounded up to ten":  {of(100 * time.Millisecond), of(996 * time.Millisecond), "10× sooner"},
		"later":              {of(80 * time.Millisecond), of(40 * time.Millisecond), "2.0× later"},
		"without new answer": {live.Latency{}, of(time.Second), ""},
		"without old answer": {of(time.Second), live.Latency{}, ""},
	} {
		if got := live.Sooner(tt.a, tt.b); got != tt.want {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
}
