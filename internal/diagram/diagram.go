// Package diagram draws the flow of messages through exchanges and queues, as Mermaid, DOT
// or SVG.
package diagram

import (
	"fmt"
	"slices"
	"strings"

	"github.com/warren-mq/warren/topology"
)

// Diagram is the flow of the messages.
type Diagram struct {
	Nodes []Node `json:"nodes"`
	Edges []Edge `json:"edges"`
}

// Node is a place through which messages pass.
type Node struct {
	Kind string `json:"kind"` // exchange, queue, delay or schedule
	Name string `json:"name"`
}

// Edge is a connection between two nodes. Failed messages use indirect ones.
type Edge struct {
	From     Node   `json:"from"`
	To       Node   `json:"to"`
	Label    string `json:"label,omitempty"`
	Indirect bool   `json:"indirect,omitempty"`
}

// Delay represents the parking queues and the levels.
var Delay = Node{"delay", "delay"}

// Exchange returns the node of an exchange.
func Exchange(name string) Node {
	if name == "" {
		name = "(default exchange)"
	}
	return Node{"exchange", name}
}

// Queue returns the node of a queue.
func Queue(name string) Node { return Node{"queue", name} }

// Schedule returns the node of a schedule.
func Schedule(name string) Node { return Node{"schedule", name} }

// Of returns the diagram of a topology, without the internal parts of Warren: the parking
// queues, the levels and their exchanges.
func Of(t topology.Topology) Diagram {
	var d Diagram
	for _, x := range t.Exchanges {
		if !IsInternal(x.Name) {
			d.Add(Exchange(x.Name))
		}
	}
	declared, letters := make(map[string]bool, len(t.Queues)), make(map[string]bool)
	for _, q := range t.Queues {
		dlq, _ := t.DeadLetterQueue(q.Name)
		declared[q.Name], letters[dlq] = true, true
	}
	for _, q := range t.Queues {
		if IsInternal(q.Name) || topology.IsParking(q.Name) || letters[q.Name] {
			continue
		}
		dlq, _ := t.DeadLetterQueue(q.Name)
		d.AddWorkQueue(q.Name, dlq, declared[topology.ParkingQueue(q.Name)])
	}
	for _, b := range t.Bindings {
		switch {
		case IsInternal(b.Exchange) || IsInternal(b.Queue) || topology.IsParking(b.Queue):
		case b.ToExchange != "":
			d.Connect(Exchange(b.Exchange), Exchange(b.ToExchange), b.Key, false)
		default:
			d.Connect(Exchange(b.Exchange), Queue(b.Queue), b.Key, false)
		}
	}
	return d
}

// IsInternal reports whether an exchange or a queue is a part of Warren's own.
func IsInternal(name string) bool { return strings.HasPrefix(name, "warren.") }

// deadLetter is the label of the edge from a queue to its dead-letter queue.
const deadLetter = "dead letter"

// AddWorkQueue adds a queue with its dead-letter queue, if it has one, and its way through the
// delay if its messages are retried.
func (d *Diagram) AddWorkQueue(name, deadLetters string, retried bool) {
	queue := Queue(name)
	d.Add(queue)
	if retried {
		d.Connect(queue, Delay, "retry", true)
		d.Connect(Delay, queue, "", true)
	}
	if deadLetters != "" {
		d.Connect(queue, Queue(deadLetters), deadLetter, true)
	}
}

// Add adds n, unless the diagram has it already.
func (d *Diagram) Add(n Node) {
	if !slices.Contains(d.Nodes, n) {
		d.Nodes = append(d.Nodes, n)
	}
}

// Connect adds an edge, and its nodes unless the diagram has them already.
func (d *Diagram) Connect(from, to Node, label string, indirect bool) {
	d.Add(from)
	d.Add(to)
	d.Edges = append(d.Edges, Edge{from, to, strings.TrimSpace(label), indirect})
}

// ids returns short names of the nodes for the drawing.
func (d Diagram) ids() map[Node]string {
	ids := make(map[Node]string, len(d.Nodes))
	for i, n := range d.Nodes {
		ids[n] = fmt.Sprintf("n%d", i)
	}
	return ids
}
