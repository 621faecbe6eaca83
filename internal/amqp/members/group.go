package members

import (
	"context"
	"crypto/rand"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/pace"
	"github.com/warren-mq/warren/internal/partition"
	"github.com/warren-mq/warren/retry"
)

const (
	interval = time.Second            // between two announcements
	lost     = 5 * time.Second        // without an announcement, after which a process is gone
	gather   = 300 * time.Millisecond // how long a new process waits for the others
)

// Options configure a Group.
type Options struct {
	Queue      string // the work queue
	Partitions int
	Log        *slog.Logger
	// Active reports whether this process consumes. It is asked once a second.
	Active func() bool
	// Assign is called with the partitions of this process, in order, when they change.
	Assign func(partitions []int)
}

// Group is the processes that consume a queue with partitions, as one of them sees it. Its methods
// are called by one goroutine.
type Group struct {
	options   Options
	connector *amqp.Connector
	self      string
	claims    map[string][]int     // of all members that are not gone
	heard     map[string]time.Time // when the others announced themselves
	mine      []int
	assigned  bool // Assign was called
	failed    string
}

// New returns a group that announces itself over the connector's session.
func New(c *amqp.Connector, o Options) *Group {
	return &Group{options: o, connector: c, self: rand.Text(), claims: make(map[string][]int), heard: make(map[string]time.Time)}
}

// Run divides the partitions until ctx is done, and then leaves the group. While it cannot announce
// itself, the process claims all partitions whose owner is unknown.
func (g *Group) Run(ctx context.Context) {
	pauses := retry.Policy{InitialInterval: interval, MaxInterval: 15 * time.Second}
	for failures := 1; ctx.Err() == nil; failures++ {
		s, err := g.connector.Session(ctx)
		if err != nil {
			if !pace.Wait(ctx, pauses, failures) {
				return
			}
			continue
		}
		c, err := open(ctx, s, g.options.Queue, g.self)
		if err == nil {
			began := time.Now()
			g.talk(ctx, c)
			if ctx.Err() != nil {
				return
			}
			if err = c.reason(); time.Since(began) > lost {
				failures = 0
			}
			c.close()
		}
		if err != nil && s.Err() == nil && ctx.Err() == nil {
			g.warn(err)
			g.forget(s)
			g.divide()
		}
		pace.Wait(ctx, pauses, failures)
	}
}

// warn logs why the process cannot announce itself, once for each reason.
func (g *Group) warn(err error) {
	if text := err.Error(); text != g.failed {
		g.failed = text
		g.options.Log.Warn("worker: partitions are not divided among the processes, trying again", "queue", g.options.Queue, "error", err)
	}
}

// talk announces the process over c, and listens to the others, until c is closed or ctx is done.
func (g *Group) talk(ctx context.Context, c *channel) {
	now := time.Now()
	for member := range g.heard {
		g.heard[member] = now // they could not be heard meanwhile
	}
	g.announce(c, joining)
	tick := time.NewTicker(interval)
	defer tick.Stop()
	gathered := time.After(gather)
	for {
		select {
		case d, ok := <-c.deliveries:
			if !ok {
				return
			}
			g.take(c, d.Body)
		case r, ok := <-c.returns:
			if !ok {
				return
			}
			g.remove(strings.TrimPrefix(r.RoutingKey, queuePrefix))
			g.tell(c, g.divide())
		case <-gathered:
			gathered = nil
			g.divide()
			g.announce(c, hello)
		case <-tick.C:
			g.forget(c.session)
			g.divide()
			g.announce(c, hello)
			g.probe(c)
		case <-ctx.Done():
			c.announce(announcement{Kind: goodbye, Member: g.self})
			c.close()
			return
		}
	}
}

// announce announces what the process claims.
func (g *Group) announce(c *channel, kind string) {
	if !g.options.Active() {
		kind = goodbye
	}
	c.announce(announcement{Kind: kind, Member: g.self, Claims: g.mine})
}

// take takes an announcement of another process. The first answer to a change is sent at once.
func (g *Group) take(c *channel, body []byte) {
	a, ok := decode(body)
	if !ok || a.Member == g.self {
		return
	}
	if !g.note(a) && a.Kind == hello || !g.assigned { // at first, others may be about to answer
		return
	}
	g.tell(c, g.divide() || a.Kind == joining)
}

// note records what another process claims. It reports whether that is news.
func (g *Group) note(a announcement) bool {
	before, known := g.claims[a.Member]
	if a.Kind == goodbye {
		g.remove(a.Member)
		return known
	}
	g.claims[a.Member], g.heard[a.Member] = a.Claims, time.Now()
	return !known || !slices.Equal(before, a.Claims)
}

// probe probes the members whose last announcement is late.
func (g *Group) probe(c *channel) {
	for member, at := range g.heard {
		if time.Since(at) > interval {
			c.probe(member)
		}
	}
}

// tell announces the process now, if that is news.
func (g *Group) tell(c *channel, news bool) {
	if news {
		g.announce(c, hello)
	}
}

func (g *Group) remove(member string) {
	delete(g.claims, member)
	delete(g.heard, member)
}

// forget removes the processes that have not announced themselves. While the broker blocks the
// connection, none of them can.
func (g *Group) forget(s *amqp.Session) {
	now := time.Now()
	for member, at := range g.heard {
		switch {
		case s.Blocked() != "":
			g.heard[member] = now
		case now.Sub(at) > lost:
			g.remove(member)
		}
	}
}

// divide derives the partitions of this process. It reports whether they have changed.
func (g *Group) divide() (changed bool) {
	var mine []int
	if delete(g.claims, g.self); g.options.Active() {
		g.claims[g.self] = g.mine
		for p, owner := range partition.Assign(g.options.Partitions, g.claims) {
			if owner == g.self {
				mine = append(mine, p)
			}
		}
	}
	if g.assigned && slices.Equal(mine, g.mine) {
		return false
	}
	g.mine, g.assigned = mine, true
	g.options.Assign(mine)
	return true
}
