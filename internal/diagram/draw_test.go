package diagram_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/warren-mq/warren/internal/diagram"
	"github.com/warren-mq/warren/topology"
)

// TestDeadLettersAreDrawnWhereTheTopologyPutsThem, by its bindings and not by the names.
func TestDeadLettersAreDrawnWhereTheTopologyPutsThem(t *testing.T) {
	t.Parallel()
	shared := topology.DeadLetters{Queue: "graveyard"}
	d := diagram.Of(topology.WorkQueue{Name: "mail", DeadLetters: shared}.Topology().Merge(
		topology.WorkQueue{Name: "letters", DeadLetters: shared}.Topology(),
		topology.WorkQueue{Name: "own"}.Topology(),
		topology.WorkQueue{Name: "lost", DeadLetters: topology.DeadLetters{Discard: true}}.Topology()))
	var edges []string
	for _, e := range d.Edges {
		if e.Label == "dead letter" {
			edges = append(edges, e.From.Name+" "+e.To.Name)
		}
	}
	want := []string{"mail graveyard", "letters graveyard", "own own.dlq"}
	if slices.Sort(edges); !slices.Equal(edges, slices.Sorted(slices.Values(want))) {
		t.Errorf("the dead letters go %q, want %q", edges, want)
	}
	retried := 0
	for _, e := range d.Edges {
		if e.To == diagram.Delay {
			retried++
		}
	}
	if retried != 4 {
		t.Errorf("%d queues are connected to the delay, want all 4", retried)
	}
}

func TestDiagramsQuoteNames(t *testing.T) {
	t.Parallel()
	var d diagram.Diagram
	d.Connect(diagram.Exchange(`a"b`), diagram.Queue("c\nd"), `#.<x>\`, false)
	tests := map[string]struct {
		draw func(*bytes.Buffer) error
		want []string
	}{
		"in Mermaid": {
			func(b *bytes.Buffer) error { return d.Mermaid(b) },
			[]string{`n0{{"a#quot;b"}}`, `n1[("c d")]`, `n0 -->|"#35;.#lt;x#gt;\"| n1`},
		},
		"in DOT": {
			func(b *bytes.Buffer) error { return d.DOT(b) },
			[]string{`label="a\"b"`, `label="c d"`, `[label="#.<x>\\", style=solid]`},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			if err := tt.draw(&out); err != nil {
				t.Fatal(err)
			}
			for _, want := range tt.want {
				if !strings.Contains(out.String(), want) {
					t.Errorf("no %s in\n%s", want, out.String())
				}
			}
		})
	}
}
