package config

import (
	"cmp"
	"regexp"
	"slices"
	"time"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/amqp/limit"
	shared "github.com/warren-mq/warren/limit"
)

// SharedLimit is a limit of package limit. One of Concurrency and Rate is set, or none if there
// is no limit.
type SharedLimit struct {
	Name        string   `yaml:"name" jsonschema:"required,maxLength=100" jsonschema_description:"Queues and handlers with the same name share the limit. Letters, digits, _ and -."`
	Concurrency int      `yaml:"concurrency" jsonschema:"minimum=1,maximum=100" jsonschema_description:"How many handlers run at a time, in all runners. Each of them is a quorum queue."`
	Rate        int      `yaml:"rate" jsonschema:"minimum=1,maximum=1000000" jsonschema_description:"How many handlers begin in a period, in all runners."`
	Period      Duration `yaml:"period" jsonschema_description:"The period of rate, only with rate. The default is 1s."`
}

var limitName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,100}$`)

// Middleware returns the middleware for l. It returns nil if there is no limit, or if l has a
// fault.
func (l SharedLimit) Middleware() handler.Middleware {
	switch {
	case !limitName.MatchString(l.Name) || l.Period < 0:
	case l.Concurrency > 0 && l.Concurrency <= shared.MaxConcurrency:
		return shared.Concurrency(l.Name, l.Concurrency)
	case l.Rate > 0:
		return shared.Rate(l.Name, l.Rate, cmp.Or(time.Duration(l.Period), time.Second))
	}
	return nil
}

// Limits returns the middleware for the limits of the queue and its handlers.
func (q Queue) Limits() (all []handler.Middleware) {
	if mw := q.Limit.Middleware(); mw != nil {
		all = append(all, mw)
	}
	byKey, limited := make(map[string]handler.Middleware), false
	for _, h := range q.Handlers {
		byKey[h.Key] = h.Limit.Middleware()
		limited = limited || byKey[h.Key] != nil
	}
	if limited {
		all = append(all, shared.ByKey(byKey))
	}
	return all
}

// Slots returns the limits of the queue and its handlers, to declare them.
func (q Queue) Slots() (all []limit.Spec) {
	limits := make([]SharedLimit, 0, 1+len(q.Handlers))
	limits = append(limits, q.Limit)
	for _, h := range q.Handlers {
		limits = append(limits, h.Limit)
	}
	for _, l := range limits {
		if mw := l.Middleware(); mw != nil {
			all = append(all, slices.Concat(limit.PathOf(mw(nil))...)...)
		}
	}
	return all
}

// checkLimit checks one limit.
func (d *document) checkLimit(path string, l SharedLimit) {
	at := join(path, "limit")
	switch {
	case d.nodes[at] == nil || d.bad[at]:
	case !limitName.MatchString(l.Name):
		d.complainf(join(at, "name"), "name is %q, want 1 to 100 letters, digits, _ and -", l.Name)
	case (l.Concurrency > 0) == (l.Rate > 0):
		d.complainf(at, "limit has concurrency %d and rate %d, want one of them", l.Concurrency, l.Rate)
	case l.Period != 0 && l.Rate == 0:
		d.complainf(join(at, "period"), "period is set, want it with rate alone")
	}
}

// checkLimits checks that limits with the same name on the same broker are the same.
func (d *document) checkLimits(path string, q Queue, c *Config) {
	var all []limit.Spec
	for _, other := range c.Queues {
		if other.Broker == q.Broker {
			all = append(all, other.Slots()...)
		}
	}
	if err := limit.Check(all); err != nil && len(q.Slots()) > 0 && !d.bad[path] {
		d.complainf(path, "%s", oneLine(err))
	}
}
