package config

import (
	"reflect"
	"slices"
)

// Changes are what a new configuration asks of a running runner.
type Changes struct {
	// Live are the paths of settings that change in place, such as log.level and
	// queues.welcome-email.concurrency.
	Live []string
	// Restart are the queues to drain and start again, Added those to start, and
	// Removed those to drain and let go.
	Restart, Added, Removed []string
	// Exchanges are those to declare.
	Exchanges []string
	// Schedules says that the scheduler is to be started anew.
	Schedules bool
	// Process are the paths of sections and settings that need a new process; until
	// then the old ones stay.
	Process []string
}

// Empty says that nothing changes.
func (c Changes) Empty() bool { return reflect.DeepEqual(c, Changes{}) }

// Diff tells what changes from one configuration to another. Texts of secrets count,
// contents of their files do not.
func Diff(from, to *Config) Changes {
	var c Changes
	c.diffSettings(from, to)
	changed := c.diffExchanges(from.Exchanges, to.Exchanges)
	c.diffQueues(from.Queues, to.Queues, changed)
	c.Schedules = !reflect.DeepEqual(from.Schedules, to.Schedules) || from.Scheduler != to.Scheduler
	return c
}

func (c *Changes) diffSettings(from, to *Config) {
	for _, s := range []struct {
		path     string
		from, to any
		live     bool
	}{
		{"broker", from.Broker, to.Broker, false},
		{"admin", from.Admin, to.Admin, false},
		{"log.level", from.Log.Level, to.Log.Level, true},
		{"log.format", from.Log.Format, to.Log.Format, false},
		{"telemetry", from.Telemetry, to.Telemetry, false},
		{"grace", from.Grace, to.Grace, false},
	} {
		switch {
		case reflect.DeepEqual(s.from, s.to):
		case s.live:
			c.Live = append(c.Live, s.path)
		default:
			c.Process = append(c.Process, s.path)
		}
	}
}

// diffExchanges returns the names of those that are no longer as they were. The broker
// does not let them change: queues that are bound to them restart, and say so.
func (c *Changes) diffExchanges(from, to []Exchange) (changed []string) {
	for _, e := range to {
		i := slices.IndexFunc(from, func(old Exchange) bool { return old.Name == e.Name })
		switch {
		case i < 0:
			c.Exchanges = append(c.Exchanges, e.Name)
		case !reflect.DeepEqual(from[i], e):
			c.Exchanges = append(c.Exchanges, e.Name)
			changed = append(changed, e.Name)
		}
	}
	return changed
}

func (c *Changes) diffQueues(from, to []Queue, exchanges []string) {
	for _, q := range to {
		i := slices.IndexFunc(from, func(old Queue) bool { return old.Name == q.Name })
		if i < 0 {
			c.Added = append(c.Added, q.Name)
			continue
		}
		live, restart := diffQueue(from[i], q)
		switch {
		case restart || slices.Contains(exchanges, q.Exchange):
			c.Restart = append(c.Restart, q.Name)
		default:
			c.Live = append(c.Live, live...)
		}
	}
	for _, old := range from {
		if !slices.ContainsFunc(to, func(q Queue) bool { return q.Name == old.Name }) {
			c.Removed = append(c.Removed, old.Name)
		}
	}
}

// diffQueue returns the paths of what may change while the queue is consumed from, and
// whether there is more than that.
func diffQueue(from, to Queue) (live []string, restart bool) {
	path := "queues." + to.Name + "."
	if from.Concurrency != to.Concurrency {
		live = append(live, path+"concurrency")
	}
	if from.Retry != to.Retry {
		live = append(live, path+"retry")
	}
	if from.Paused != to.Paused {
		live = append(live, path+"paused")
	}
	from.Concurrency, from.Retry, from.Paused = to.Concurrency, to.Retry, to.Paused
	return live, !reflect.DeepEqual(from, to)
}
