package migrate

import (
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
)

// Suffixes of the names of the parts of a migration; see the package.
const (
	gateSuffix = ".migrate"
	oldSuffix  = gateSuffix + ".old"
	newSuffix  = gateSuffix + ".new"
	lastSuffix = gateSuffix + ".last"
	outSuffix  = gateSuffix + ".out"
	lockSuffix = gateSuffix + ".lock"
)

const alternate = "alternate-exchange"

// parts returns the exchanges of a migration and the queues for the messages that wait.
func (m *Migration) parts() topology.Topology {
	return topology.Topology{
		Exchanges: []topology.Exchange{
			{Name: m.name(oldSuffix), Kind: "fanout"},
			{Name: m.name(outSuffix), Kind: "fanout"},
			{Name: m.name(lastSuffix), Kind: "fanout", Arguments: message.Headers{alternate: m.name(outSuffix)}},
			m.gate(),
		},
		Queues: m.waiting(),
		Bindings: []topology.Binding{
			{Exchange: m.name(oldSuffix), Queue: m.name(oldSuffix)},
		},
	}
}

// gate is declared last, and deleted last: a migration has begun if it exists.
func (m *Migration) gate() topology.Exchange {
	return topology.Exchange{Name: m.name(gateSuffix), Kind: "fanout", Arguments: message.Headers{alternate: m.name(lastSuffix)}}
}

// waiting returns the queues for the messages that wait.
func (m *Migration) waiting() []topology.Queue {
	return []topology.Queue{
		{Name: m.name(oldSuffix), Arguments: m.arguments()},
		{Name: m.name(newSuffix), Arguments: m.arguments()},
	}
}

// last returns the queue that passes each message on at once, unless a consumer holds it.
func (m *Migration) last() topology.Queue {
	return topology.Queue{Name: m.name(lastSuffix), Arguments: message.Headers{
		"x-queue-type": topology.Classic, "x-message-ttl": 0, "x-dead-letter-exchange": m.name(outSuffix),
	}}
}

// arguments returns the arguments of the queues in which messages wait. They deliver in the
// same order as the wanted queue, and dead-letter expired messages as it does, but at most
// once: RabbitMQ 3.10 may end all at-least-once dead lettering of a node when a queue that has
// it is deleted soon after its declaration.
func (m *Migration) arguments() message.Headers {
	a := make(message.Headers)
	for _, name := range []string{
		"x-queue-type", "x-max-priority", "x-dead-letter-exchange", "x-dead-letter-routing-key",
		"x-queue-leader-locator", "x-quorum-initial-group-size",
	} {
		if value, ok := m.Queue.Arguments[name]; ok {
			a[name] = value
		}
	}
	if a["x-queue-type"] == topology.Quorum {
		a["x-delivery-limit"] = topology.NeverReached
	}
	return a
}

func (m *Migration) name(suffix string) string { return m.Queue.Name + suffix }

// gated returns the bindings of the gate that replace the bindings of the queue.
func (m *Migration) gated() []topology.Binding {
	bindings := make([]topology.Binding, 0, len(m.Bindings))
	for _, b := range m.Bindings {
		bindings = append(bindings, topology.Binding{Exchange: b.Exchange, Key: b.Key, ToExchange: m.name(gateSuffix), Arguments: b.Arguments})
	}
	return bindings
}

// closed is the binding that closes the gate.
func (m *Migration) closed() topology.Binding {
	return topology.Binding{Exchange: m.name(gateSuffix), Queue: m.name(newSuffix)}
}

// lastBinding leads messages through the queue that can hold them for a moment.
func (m *Migration) lastBinding() topology.Binding {
	return topology.Binding{Exchange: m.name(lastSuffix), Queue: m.name(lastSuffix)}
}

// outBinding leads to the queue itself.
func (m *Migration) outBinding() topology.Binding {
	return topology.Binding{Exchange: m.name(outSuffix), Queue: m.Queue.Name}
}
