package command

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/warren-mq/warren/runner/internal/config"
)

func (p *Program) topologyDiagram() *cobra.Command {
	var format string
	c := &cobra.Command{
		Use: "diagram", Short: "Draw the flow of the messages, as Mermaid or DOT", Args: exactly(0),
		Long: `Draw the flow of the messages through exchanges and queues. GitHub and GitLab render Mermaid
in Markdown. Graphviz reads DOT: runner topology diagram --format dot | dot -Tsvg`,
		RunE: func(*cobra.Command, []string) error {
			draw, ok := map[string]func(io.Writer, diagram) error{"mermaid": drawMermaid, "dot": drawDOT}[format]
			if !ok {
				return usage(fmt.Errorf("runner: --format is %q, want mermaid or dot", format))
			}
			c, err := p.load(true)
			if err != nil {
				return err
			}
			return draw(p.Stdout, diagramOf(c))
		},
	}
	c.Flags().StringVar(&format, "format", "mermaid", "mermaid or dot")
	return c
}

// diagram is the flow of the messages.
type diagram struct {
	nodes []node
	edges []edge
}

// node is a place through which messages pass.
type node struct{ kind, name string } // kind is exchange, queue, delay or schedule

// edge is a connection between two nodes. Failed messages use indirect ones.
type edge struct {
	from, to node
	label    string
	indirect bool
}

// delayNode represents the parking queues and the levels.
var delayNode = node{"delay", "delay"}

// diagramOf returns the diagram of c, without internal parts such as the levels of
// delayed messages.
func diagramOf(c *config.Config) diagram {
	var d diagram
	for _, e := range c.Exchanges {
		d.add(exchangeNode(e.Name))
	}
	for _, s := range c.Schedules {
		d.connect(node{"schedule", s.Name}, exchangeNode(s.Exchange), s.Key, false)
	}
	for _, q := range c.Queues {
		d.addQueue(q)
	}
	return d
}

func (d *diagram) addQueue(q config.Queue) {
	queue := node{"queue", q.Name}
	d.add(queue)
	for _, h := range q.Handlers {
		if q.Exchange != "" {
			d.connect(exchangeNode(q.Exchange), queue, h.Key, false)
		}
		if h.Forward != nil {
			d.connect(queue, exchangeNode(h.Forward.Exchange), "forward "+h.Forward.Key, false)
		}
	}
	if q.Retry.MaxAttempts != 1 {
		d.connect(queue, delayNode, "retry", true)
		d.connect(delayNode, queue, "", true)
	}
	d.connect(queue, node{"queue", q.Name + ".dlq"}, "dead letter", true)
}

func exchangeNode(name string) node {
	if name == "" {
		name = "(default exchange)"
	}
	return node{"exchange", name}
}

// add adds n, unless the diagram has it already.
func (d *diagram) add(n node) {
	if !slices.Contains(d.nodes, n) {
		d.nodes = append(d.nodes, n)
	}
}

func (d *diagram) connect(from, to node, label string, indirect bool) {
	d.add(from)
	d.add(to)
	d.edges = append(d.edges, edge{from, to, strings.TrimSpace(label), indirect})
}

// ids returns short names of the nodes for the drawing.
func (d diagram) ids() map[node]string {
	ids := make(map[node]string, len(d.nodes))
	for i, n := range d.nodes {
		ids[n] = fmt.Sprintf("n%d", i)
	}
	return ids
}
