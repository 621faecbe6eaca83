package config

import (
	"fmt"
	"slices"

	"github.com/warren-mq/warren/topology"
)

// Leftover is what stays on the broker and goes on filling when one configuration follows
// another: a queue that is gone, or a binding of a queue that stays. Nothing is ever
// deleted by itself.
type Leftover struct {
	Queue   *Queue // as it was; nil for a binding
	Binding topology.Binding
}

// String says what is left over.
func (l Leftover) String() string {
	if l.Queue != nil {
		return fmt.Sprintf("queue %q is not in the configuration any more: it stays on the broker, bound, and fills without a consumer", l.Queue.Name)
	}
	return fmt.Sprintf("queue %q stays bound to exchange %q by the key %q, which is not in the configuration any more,"+
		" and goes on receiving its messages", l.Binding.Queue, l.Binding.Exchange, l.Binding.Key)
}

// Leftovers returns what the configuration from has and to has not.
func Leftovers(from, to *Config) []Leftover {
	var found []Leftover
	for _, old := range from.Queues {
		i := slices.IndexFunc(to.Queues, func(q Queue) bool { return q.Name == old.Name })
		if i < 0 {
			found = append(found, Leftover{Queue: &old})
			continue
		}
		now := to.Queues[i].Bindings()
		for _, b := range old.Bindings() {
			if !slices.ContainsFunc(now, func(other topology.Binding) bool { return SameBinding(b, other) }) {
				found = append(found, Leftover{Binding: b})
			}
		}
	}
	return found
}

// Bindings are those of the queue to its exchange; none to the default exchange.
func (q Queue) Bindings() []topology.Binding {
	if q.Exchange == "" {
		return nil
	}
	bindings := make([]topology.Binding, 0, len(q.Handlers))
	for _, h := range q.Handlers {
		bindings = append(bindings, topology.Binding{Exchange: q.Exchange, Key: h.Key, Queue: q.Name, Arguments: q.BindingArguments})
	}
	return bindings
}

// SameBinding reports whether the broker has one binding for both. Integers of other
// types, as other sources have them, are the same.
func SameBinding(a, b topology.Binding) bool {
	return a.Exchange == b.Exchange && a.Key == b.Key && a.Queue == b.Queue && fmt.Sprint(a.Arguments) == fmt.Sprint(b.Arguments)
}
