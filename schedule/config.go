package schedule

import (
	"cmp"
	"log/slog"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/amqp/leader"
	"github.com/warren-mq/warren/internal/check"
)

// Config configures a Scheduler.
type Config struct {
	// Name is the name of the group, at most 200 bytes. Processes with the same name are
	// replicas: one of them is the leader and publishes. They should have the same
	// entries, because only the leader's entries are published.
	Name    string
	Broker  broker.Config
	Entries []Entry
	// Renew is how often an idle leader renews its token and checks whether the clock was
	// set. Zero means 1 min. It must be well below the broker's consumer timeout, which is
	// 30 min unless configured otherwise.
	Renew time.Duration
	// Logger logs the scheduler's events. Nil means slog.Default().
	Logger *slog.Logger
	// OnEvent is called with every event. The scheduler waits until it returns. A panic is logged.
	OnEvent func(Event)
}

// Validate returns all faults of c in one error.
func (c Config) Validate() error {
	_, err := c.compile()
	return err
}

func (c Config) compile() (entries []compiled, err error) {
	f := check.Of("schedule")
	f.Addf(c.Name == "", "Name is empty, want a name that all replicas share and no other group uses")
	f.Addf(len(c.Name) > maxName, "Name has %d bytes, want at most %d", len(c.Name), maxName)
	f.Addf(!utf8.ValidString(c.Name), "Name is not UTF-8")
	f.Addf(strings.ContainsFunc(c.Name, unicode.IsControl), "Name has a control character")
	f.Addf(len(c.Entries) == 0, "Entries is empty, want at least one entry")
	f.Addf(c.Renew < 0, "Renew is %v, want 0 or more", c.Renew)
	seen := make(map[string]bool)
	for _, e := range c.Entries {
		f.Addf(seen[e.Name], "two entries are named %q", e.Name)
		seen[e.Name] = true
		one, err := e.compile()
		f.Add(err)
		entries = append(entries, one)
	}
	f.Add(c.Broker.Validate())
	return entries, f.Err()
}

func (c Config) withDefaults() Config {
	c.Renew = cmp.Or(c.Renew, time.Minute)
	c.Broker.PublishTimeout = cmp.Or(c.Broker.PublishTimeout, 30*time.Second)
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if log := c.Logger; c.Broker.OnConnectFailed == nil {
		c.Broker.OnConnectFailed = func(_ string, err error) {
			log.Warn("schedule: connect failed, trying again", "error", err)
		}
	}
	return c
}

// tokenOf returns the names of a group's queues.
func tokenOf(group string) leader.Token {
	return leader.Token{Queue: "warren.schedule.token." + group, Copy: "warren.schedule.state." + group}
}
