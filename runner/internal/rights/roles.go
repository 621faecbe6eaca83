package rights

import (
	"crypto/sha256"
	"fmt"
	"regexp"
	"slices"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/amqp/fleet"
	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/runner/internal/wiring"
	"github.com/warren-mq/warren/topology"
)

// Role is a kind of user.
type Role string

// Roles.
const (
	RoleWorker    Role = "worker"    // a runner
	RolePublisher Role = "publisher" // a program that publishes to the exchanges of the queues
	RoleDelaying  Role = "delaying"  // a publisher that uses broker.WithDelay
	RoleOperator  Role = "operator"  // a person who watches and controls
)

// Roles returns all roles.
func Roles() []Role { return []Role{RoleWorker, RolePublisher, RoleDelaying, RoleOperator} }

// WithMode returns the configuration with another setting for the topology of a broker.
func WithMode(whole *config.Config, name string, mode topology.Mode) *config.Config {
	c := *whole
	if name == "" {
		c.Broker.Topology = string(mode)
		return &c
	}
	c.Brokers = slices.Clone(c.Brokers)
	for i := range c.Brokers {
		if c.Brokers[i].Name == name {
			c.Brokers[i].Topology = string(mode)
		}
	}
	return &c
}

// Of returns what a role needs on a broker of the configuration.
func Of(role Role, whole *config.Config, name string) *Needs {
	switch role {
	case RolePublisher:
		return publisher(whole.Of(name))
	case RoleDelaying:
		return delaying(whole.Of(name))
	case RoleOperator:
		return operator(whole.Of(name))
	case RoleWorker:
	}
	return Worker(whole, name)
}

// publisher publishes to the exchanges of the queues, and to queues that have no exchange.
func publisher(c *config.Config) *Needs {
	n := newNeeds(c)
	for _, x := range c.Exchanges {
		add(&n.Write, x.Name)
	}
	for _, q := range c.Queues {
		exchanges := workQueue(c, q).Exchanges()
		if len(exchanges) == 0 {
			exchanges = []string{""}
		}
		add(&n.Write, exchanges...)
	}
	return n
}

// delaying is publisher with the parking queues, to which delayed messages are published over
// the default exchange.
func delaying(c *config.Config) *Needs {
	n := publisher(c)
	if len(c.Queues) == 0 {
		return n
	}
	add(&n.Write, "")
	if !topology.Mode(c.Broker.Topology).Manages() {
		return n
	}
	n.declare(topology.Shared())
	for _, q := range c.Queues {
		work := workQueue(c, q)
		exchanges := work.Exchanges()
		for _, exchange := range exchanges {
			n.declare(topology.DelayedExchange(exchange))
		}
		if len(exchanges) == 0 && work.HasParking() {
			n.declare(topology.QueueParking(q.Name))
		}
	}
	return n
}

// operator watches and controls the fleet, reads and changes dead letters, counts messages, and
// reads the state of the schedules. If programs declare the topology, the operator may do so
// too, and migrate queues.
func operator(c *config.Config) *Needs {
	n := newNeeds(c)
	n.listen()
	if topology.Mode(c.Broker.Topology).Manages() {
		n.declare(wiring.Topology(c))
		n.declare(fleet.Topology())
		for _, q := range c.Queues {
			n.migrate(c, q)
		}
	}
	for _, q := range c.Queues {
		n.deadLetters(workQueue(c, q).DeadLetterQueue())
	}
	if len(c.Schedules) > 0 {
		for _, q := range wiring.Scheduler(c, broker.Config{}, nil, nil, nil).Topology().Queues {
			add(&n.Read, q.Name)
		}
	}
	n.count(c)
	return n
}

// Listener returns what a listener to the fleet needs that does not declare the exchange.
func Listener() *Needs {
	n := newNeeds(&config.Config{})
	n.listen()
	return n
}

// Exchange returns the exchange for a name of a Needs.
func Exchange(name string) string {
	if name == defaultExchange {
		return ""
	}
	return name
}

// listen adds a listener's queue, the exchange of the announcements, and the default exchange,
// to which commands and replayed messages are published.
func (n *Needs) listen() {
	queue := fleet.QueuePrefix + "QUEUE"
	n.patterns[queue] = regexp.QuoteMeta(fleet.QueuePrefix) + "[A-Z2-7]+"
	add(&n.Configure, queue)
	add(&n.Write, queue, "")
	add(&n.Read, queue, fleet.Exchange)
}

// deadLetters adds the dead-letter queue, the lock of an inspection with its note, and the queue
// for reports on canaries, which is bound to the dead-letter exchange.
func (n *Needs) deadLetters(queue string) {
	if queue == "" {
		return
	}
	const canary = "warren.canary.0"
	n.patterns[canary] = `warren\.canary\.[0-9a-f]+`
	add(&n.Configure, canary, inspection(queue, ""), inspection(queue, noteEnd))
	add(&n.Write, canary)
	add(&n.Read, queue, canary, topology.DeadLetterExchange, inspection(queue, noteEnd))
}

const noteEnd = ".by"

// inspection returns the name of the lock of an inspection, or of the note beside it, as package
// internal/amqp/inspect has it.
func inspection(queue, end string) string {
	const prefix = "warren.inspect."
	if len(prefix+queue+end) > topology.MaxShortString {
		queue = fmt.Sprintf("%x", sha256.Sum256([]byte(queue)))
	}
	return prefix + queue + end
}

// count adds the queues whose messages the commands count.
func (n *Needs) count(c *config.Config) {
	for _, q := range c.Queues {
		work := workQueue(c, q)
		n.ask(work.QueueName())
		for _, p := range work.Support().Queues {
			n.ask(p.Name)
		}
	}
	if len(c.Queues) > 0 {
		n.ask(topology.LevelName(level))
	}
}

// migrate adds a migration of the queue: its own queues and exchanges, and the queue itself.
func (n *Needs) migrate(c *config.Config, q config.Queue) {
	work := workQueue(c, q)
	if q.PerProcess || !topology.Mode(q.Topology).Manages() {
		return
	}
	parts := q.Name + ".migrate"
	n.patterns[parts] = regexp.QuoteMeta(parts) + `(\.[a-z]+)?`
	for _, of := range []*[]string{&n.Configure, &n.Write, &n.Read} {
		add(of, parts, work.QueueName())
	}
}
