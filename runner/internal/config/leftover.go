package config

import (
	"fmt"
	"slices"

	"github.com/warren-mq/warren/topology"
)

// Leftover is a queue or a binding that a new configuration no longer contains. It stays
// on the broker and still receives messages: the runner does not delete it.
type Leftover struct {
	Queue   *Queue // the queue in the old configuration; nil for a binding
	Binding topology.Binding
	Broker  string // the name in brokers of the broker that has it
}

// String describes what is left over.
func (l Leftover) String() string {
	if l.Queue != nil {
		return fmt.Sprintf("queue %q is no longer in the configuration: it stays on the broker with its bindings, and fills without a consumer", l.Queue.Name)
	}
	return fmt.Sprintf("queue %q stays bound to exchange %q by the key %q, which is no longer in the configuration:"+
		" the queue still receives messages with this key", l.Binding.Queue, l.Binding.Exchange, l.Binding.Key)
}

// Leftovers returns the queues and bindings that the configuration from has and to lacks. It
// leaves out queues that have another owner, in from or in to, and queues of one process, which
// end by themselves.
func Leftovers(from, to *Config) []Leftover {
	var found []Leftover
	for _, old := range from.Queues {
		if !topology.Mode(old.Topology).Manages() || old.PerProcess {
			continue
		}
		i := slices.IndexFunc(to.Queues, func(q Queue) bool { return q.Name == old.Name && q.Broker == old.Broker })
		if i < 0 {
			found = append(found, Leftover{Queue: &old, Broker: old.Broker})
			continue
		}
		if !topology.Mode(to.Queues[i].Topology).Manages() {
			continue // its bindings may be the new owner's
		}
		now := to.Queues[i].AllBindings()
		for _, b := range old.AllBindings() {
			if !slices.ContainsFunc(now, func(other topology.Binding) bool { return SameBinding(b, other) }) {
				found = append(found, Leftover{Binding: b, Broker: old.Broker})
			}
		}
	}
	return found
}

// AllBindings returns the bindings of the queue to its exchanges. The default exchange needs
// no bindings.
func (q Queue) AllBindings() []topology.Binding {
	bindings := make([]topology.Binding, 0, len(q.Handlers)+len(q.Bindings))
	if q.Exchange != "" {
		for _, h := range q.Handlers {
			bindings = append(bindings, topology.Binding{Exchange: q.Exchange, Key: h.Key, Queue: q.Name, Arguments: q.BindingArguments})
		}
	}
	for _, b := range q.Bindings {
		bindings = append(bindings, topology.Binding{Exchange: b.Exchange, Key: b.Key, Queue: q.Name, Arguments: b.Arguments})
	}
	return bindings
}

// SameBinding reports whether a and b are the same binding for the broker. Integers of
// different types in their arguments are equal if their values are.
func SameBinding(a, b topology.Binding) bool {
	return a.Exchange == b.Exchange && a.Key == b.Key && a.Queue == b.Queue && fmt.Sprint(a.Arguments) == fmt.Sprint(b.Arguments)
}
