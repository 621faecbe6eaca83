package command

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/warren-mq/warren/internal/diagram"
	"github.com/warren-mq/warren/runner/internal/config"
)

func (p *Program) topologyDiagram() *cobra.Command {
	var format string
	c := &cobra.Command{
		Use: "diagram", Short: "Draw the flow of the messages, as Mermaid or DOT", Args: exactly(0),
		Long: `Draw the flow of the messages through exchanges and queues. GitHub and GitLab render Mermaid
in Markdown. Graphviz reads DOT: runner topology diagram --format dot | dot -Tsvg`,
		RunE: func(*cobra.Command, []string) error {
			draw, ok := map[string]func(diagram.Diagram, io.Writer) error{"mermaid": diagram.Diagram.Mermaid, "dot": diagram.Diagram.DOT}[format]
			if !ok {
				return usage(fmt.Errorf("runner: --format is %q, want mermaid or dot", format))
			}
			c, err := p.load(true)
			if err != nil {
				return err
			}
			return draw(diagramOf(c), p.Stdout)
		},
	}
	c.Flags().StringVar(&format, "format", "mermaid", "mermaid or dot")
	return c
}

// diagramOf returns the diagram of c, without internal parts such as the levels of
// delayed messages.
func diagramOf(c *config.Config) diagram.Diagram {
	var d diagram.Diagram
	for _, e := range c.Exchanges {
		d.Add(diagram.Exchange(e.Name))
	}
	for _, s := range c.Schedules {
		d.Connect(diagram.Schedule(s.Name), diagram.Exchange(s.Exchange), s.Key, false)
	}
	for _, q := range c.Queues {
		addQueue(&d, q)
	}
	return d
}

func addQueue(d *diagram.Diagram, q config.Queue) {
	queue := diagram.Queue(q.Name)
	d.Add(queue)
	for _, b := range q.AllBindings() {
		d.Connect(diagram.Exchange(b.Exchange), queue, b.Key, false)
	}
	for _, h := range q.Handlers {
		if h.Forward != nil {
			d.Connect(queue, diagram.Exchange(h.Forward.Exchange), "forward "+h.Forward.Key, false)
		}
		if h.Emits != nil {
			d.Connect(queue, diagram.Exchange(h.Emits.Exchange), "emits", false)
		}
	}
	d.AddWorkQueue(q.Name, q.DeadLetterQueue(), q.Retry.MaxAttempts != 1)
	if x := q.DeadLetters.Exchange; x != "" {
		d.Connect(queue, diagram.Exchange(x), "dead letter "+q.DeadLetters.Key, true)
	}
}
