package rights

import (
	"cmp"
	"regexp"
	"slices"

	"github.com/warren-mq/warren/topology"
)

// Needs are the names of queues and exchanges that a user configures, writes to and reads from,
// sorted and without duplicates. A name that is partly random stands for a pattern: the name of
// one level stands for all levels.
type Needs struct {
	Configure, Write, Read []string

	patterns map[string]string // by the names that stand for them
}

// defaultExchange is the name of the default exchange in permissions.
const defaultExchange = "amq.default"

// add adds names to one of the fields of a Needs. The empty name is the default exchange.
func add(to *[]string, names ...string) {
	for _, name := range names {
		name = cmp.Or(name, defaultExchange)
		if i, found := slices.BinarySearch(*to, name); !found {
			*to = slices.Insert(*to, i, name)
		}
	}
}

// has reports whether the user has a permission for the name.
func (n *Needs) has(name string) bool {
	return slices.ContainsFunc([][]string{n.Configure, n.Write, n.Read}, func(names []string) bool {
		_, found := slices.BinarySearch(names, name)
		return found
	})
}

// declare adds what declaring t needs. To declare a queue with a dead-letter exchange, a user
// also reads the queue and writes to that exchange; the same holds for an exchange with an
// alternate exchange. A binding reads its exchange and writes to its destination.
func (n *Needs) declare(t topology.Topology) {
	one := func(name string, target any) {
		add(&n.Configure, name)
		if exchange, ok := target.(string); ok {
			add(&n.Read, name)
			add(&n.Write, exchange)
		}
	}
	for _, x := range t.Exchanges {
		one(x.Name, x.Arguments["alternate-exchange"])
	}
	for _, q := range t.Queues {
		one(q.Name, q.Arguments["x-dead-letter-exchange"])
	}
	for _, b := range t.Bindings {
		add(&n.Read, b.Exchange)
		add(&n.Write, cmp.Or(b.Queue, b.ToExchange))
	}
}

// ask adds names whose existence or state the user asks for, after all others. RabbitMQ 4.2.6
// and later answer a user who has any permission for the name. Among these, the permission to
// write to a queue gives least: to bind it to an exchange that the user may read.
func (n *Needs) ask(names ...string) {
	for _, name := range names {
		if name != "" && !n.has(name) {
			add(&n.Write, name)
		}
	}
}

// Permissions returns the regular expressions for RabbitMQ, which match the names and no others.
func (n *Needs) Permissions() topology.Permissions {
	return topology.Permissions{Configure: n.expression(n.Configure), Write: n.expression(n.Write), Read: n.expression(n.Read)}
}

func (n *Needs) expression(names []string) string {
	if len(names) == 0 {
		return "^$"
	}
	patterns := make([]string, 0, len(names))
	for _, name := range names {
		patterns = append(patterns, cmp.Or(n.patterns[name], regexp.QuoteMeta(name)))
	}
	return "^(" + anyOf(patterns) + ")$"
}
