package conformance_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/warren-mq/warren/internal/rabbit"
)

// scenario is one behaviour of a broker that a client can see.
type scenario struct {
	name   string          // a sentence: what is seen
	do     func(c *client) // runs the actions and notes what the client sees
	want   string          // the notes on RabbitMQ 4.3, and on all versions without an entry in differ
	differ []difference
}

// difference is the different result of some versions.
type difference struct {
	versions string // as in "3.10 4.0"
	want     string
	why      string
}

// theme is a table of scenarios.
type theme struct {
	name      string
	scenarios []scenario
}

func TestConformance(t *testing.T) {
	t.Parallel()
	url := rabbit.URL(t)
	version := versionOf(t, url)
	for _, theme := range themes() {
		t.Run(theme.name, func(t *testing.T) {
			t.Parallel()
			for _, s := range theme.scenarios {
				t.Run(s.name, func(t *testing.T) {
					t.Parallel()
					c := newClient(t, url)
					s.do(c)
					if got, want := c.noted(), s.expect(version); got != want {
						t.Errorf("RabbitMQ %s\ngot:\n%s\nwant:\n%s", version, got, want)
					}
				})
			}
		})
	}
}

// versionOf returns the first two numbers of the version that the broker reports.
func versionOf(t *testing.T, url string) string {
	t.Helper()
	version, ok := rabbit.Connect(t, url).Properties["version"].(string)
	parts := strings.Split(version, ".")
	if !ok || len(parts) < 2 {
		t.Fatalf("the broker says it is version %q, want a number such as 4.3.0", version)
	}
	return parts[0] + "." + parts[1]
}

// expect returns what the scenario notes on a broker of that version.
func (s scenario) expect(version string) string {
	want := s.want
	for _, d := range s.differ {
		if slices.Contains(strings.Fields(d.versions), version) {
			want = d.want
		}
	}
	lines := strings.Split(strings.Trim(want, "\n\t"), "\n")
	for i := range lines { // indented as in the tables
		lines[i] = strings.TrimLeft(lines[i], "\t")
	}
	return strings.Join(lines, "\n")
}

func TestEveryDifferenceHasItsReason(t *testing.T) {
	t.Parallel()
	names := make(map[string]bool)
	for _, theme := range themes() {
		for _, s := range theme.scenarios {
			if names[s.name] {
				t.Errorf("two scenarios are called %q", s.name)
			}
			names[s.name] = true
			for _, d := range s.differ {
				if d.why == "" || d.versions == "" || d.want == s.want {
					t.Errorf("%s, %s: want versions, a difference and its reason", theme.name, s.name)
				}
			}
		}
	}
}
