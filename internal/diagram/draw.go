package diagram

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/warren-mq/warren/internal/printable"
)

// Shapes of the nodes by kind.
var (
	mermaidShapes = map[string][2]string{
		"exchange": {"{{", "}}"}, "queue": {"[(", ")]"}, "delay": {"([", "])"}, "schedule": {">", "]"},
	}
	dotShapes = map[string]string{"exchange": "hexagon", "queue": "cylinder", "delay": "oval", "schedule": "cds"}
)

// Mermaid writes d in the language of Mermaid.
func (d Diagram) Mermaid(out io.Writer) error {
	var b bytes.Buffer
	ids := d.ids()
	b.WriteString("flowchart LR\n")
	for _, n := range d.Nodes {
		shape := mermaidShapes[n.Kind]
		fmt.Fprintf(&b, "  %s%s%s%s\n", ids[n], shape[0], mermaidText(n.Name), shape[1])
	}
	for _, e := range d.Edges {
		arrow := "-->"
		if e.Indirect {
			arrow = "-.->"
		}
		if e.Label != "" {
			arrow += "|" + mermaidText(e.Label) + "|"
		}
		fmt.Fprintf(&b, "  %s %s %s\n", ids[e.From], arrow, ids[e.To])
	}
	_, err := out.Write(b.Bytes())
	return err
}

// mermaidText quotes text, with entities for the characters that Mermaid interprets.
func mermaidText(text string) string {
	return `"` + strings.NewReplacer("#", "#35;", `"`, "#quot;", "<", "#lt;", ">", "#gt;", "`", "#96;").Replace(printable.Cell(text)) + `"`
}

// DOT writes d in the language of Graphviz.
func (d Diagram) DOT(out io.Writer) error {
	var b bytes.Buffer
	ids := d.ids()
	b.WriteString("digraph topology {\n  rankdir=LR;\n")
	for _, n := range d.Nodes {
		fmt.Fprintf(&b, "  %s [label=%s, shape=%s];\n", ids[n], dotText(n.Name), dotShapes[n.Kind])
	}
	for _, e := range d.Edges {
		style := "solid"
		if e.Indirect {
			style = "dashed"
		}
		fmt.Fprintf(&b, "  %s -> %s [label=%s, style=%s];\n", ids[e.From], ids[e.To], dotText(e.Label), style)
	}
	b.WriteString("}\n")
	_, err := out.Write(b.Bytes())
	return err
}

func dotText(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(printable.Cell(text)) + `"`
}
