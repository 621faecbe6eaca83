package config

import (
	"reflect"
	"slices"

	"github.com/warren-mq/warren/topology"
)

// Changes describes what a running runner must do for a new configuration.
type Changes struct {
	// Live are the paths of settings that change without a restart, such as log.level and
	// queues.welcome-email.concurrency.
	Live []string
	// Restart are the queues to drain and start again. Added are the queues to start.
	// Removed are the queues to drain and close.
	Restart, Added, Removed []string
	// Exchanges are the exchanges to declare.
	Exchanges []string
	// Schedules reports whether the scheduler must be restarted.
	Schedules bool
	// Process are the paths of settings that need a new process. Until then the old
	// settings apply.
	Process []string
}

// Empty reports whether there are no changes.
func (c Changes) Empty() bool { return reflect.DeepEqual(c, Changes{}) }

// Diff returns the changes from one configuration to another. It compares the texts of
// secrets, but not the contents of their files.
func Diff(from, to *Config) Changes {
	var c Changes
	c.diffSettings(from, to)
	changed := c.diffExchanges(from.Exchanges, to.Exchanges)
	codec := func(name string) bool { return !reflect.DeepEqual(from.FindCodec(name), to.FindCodec(name)) }
	c.diffQueues(from.Queues, to.Queues, func(q Queue) bool {
		return slices.Contains(changed, q.Exchange) || slices.ContainsFunc(q.Bindings, func(b Binding) bool { return slices.Contains(changed, b.Exchange) }) ||
			slices.ContainsFunc(q.Codecs(), codec)
	})
	c.Schedules = slices.ContainsFunc(to.Schedules, func(s Schedule) bool { return codec(s.Codec) }) || !reflect.DeepEqual(from.Schedules, to.Schedules) ||
		from.Scheduler != to.Scheduler || len(to.Schedules) > 0 && from.ConfirmsSchedules() != to.ConfirmsSchedules()
	return c
}

// ConfirmsSchedules reports whether the schedules need schedule.Entry.Confirm: a queue, which may
// receive their ticks, may be full.
func (c *Config) ConfirmsSchedules() bool {
	return slices.ContainsFunc(c.Queues, func(q Queue) bool {
		_, length := q.Arguments["x-max-length"]
		_, bytes := q.Arguments["x-max-length-bytes"]
		return q.MaxLength > 0 || length || bytes
	})
}

func (c *Changes) diffSettings(from, to *Config) {
	for _, s := range []struct {
		path     string
		from, to any
		live     bool
	}{
		{"broker", from.Broker, to.Broker, false},
		{"brokers", from.Brokers, to.Brokers, false},
		{"admin", from.Admin, to.Admin, false},
		{"fleet", from.Fleet, to.Fleet, false},
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

// diffExchanges returns the names of the exchanges that have changed. The queues that are
// bound to them restart and report the conflict, because the broker does not let an
// exchange change.
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

// diffQueues compares the queues. A queue also restarts if other settings that it uses have changed.
func (c *Changes) diffQueues(from, to []Queue, changed func(Queue) bool) {
	for _, q := range to {
		i := slices.IndexFunc(from, func(old Queue) bool { return old.Name == q.Name })
		if i < 0 {
			c.Added = append(c.Added, q.Name)
			continue
		}
		live, restart := diffQueue(from[i], q)
		switch {
		case restart || changed(q):
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

// diffQueue returns the paths of the settings that change while the queue is consumed, and
// whether others have changed too.
func diffQueue(from, to Queue) (live []string, restart bool) {
	path := "queues." + to.Name + "."
	adaptive := from.MinConcurrency > 0 || to.MinConcurrency > 0 // concurrency is then part of a middleware
	if from.Concurrency != to.Concurrency && !adaptive {
		live = append(live, path+"concurrency")
	}
	fixed := from.Delays == topology.Native || to.Delays == topology.Native // the policy is part of the queue's arguments
	if from.Retry != to.Retry && !fixed {
		live = append(live, path+"retry")
	}
	if from.Paused != to.Paused {
		live = append(live, path+"paused")
	}
	from.Paused = to.Paused
	if !adaptive {
		from.Concurrency = to.Concurrency
	}
	if !fixed {
		from.Retry = to.Retry
	}
	return live, !reflect.DeepEqual(from, to)
}
