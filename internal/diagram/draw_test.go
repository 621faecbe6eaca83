package diagram_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/warren-mq/warren/internal/diagram"
)

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
