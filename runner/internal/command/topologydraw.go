package command

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/warren-mq/warren/runner/internal/printable"
)

// Shapes of the nodes by kind.
var (
	mermaidShapes = map[string][2]string{
		"exchange": {"{{", "}}"}, "queue": {"[(", ")]"}, "delay": {"([", "])"}, "schedule": {">", "]"},
	}
	dotShapes = map[string]string{"exchange": "hexagon", "queue": "cylinder", "delay": "oval", "schedule": "cds"}
)

func drawMermaid(out io.Writer, d diagram) error {
	var b bytes.Buffer
	ids := d.ids()
	b.WriteString("flowchart LR\n")
	for _, n := range d.nodes {
		shape := mermaidShapes[n.kind]
		fmt.Fprintf(&b, "  %s%s%s%s\n", ids[n], shape[0], mermaidText(n.name), shape[1])
	}
	for _, e := range d.edges {
		arrow := "-->"
		if e.indirect {
			arrow = "-.->"
		}
		if e.label != "" {
			arrow += "|" + mermaidText(e.label) + "|"
		}
		fmt.Fprintf(&b, "  %s %s %s\n", ids[e.from], arrow, ids[e.to])
	}
	_, err := out.Write(b.Bytes())
	return err
}

// mermaidText quotes text, with entities for the characters that Mermaid interprets.
func mermaidText(text string) string {
	return `"` + strings.NewReplacer("#", "#35;", `"`, "#quot;", "<", "#lt;", ">", "#gt;", "`", "#96;").Replace(printable.Cell(text)) + `"`
}

func drawDOT(out io.Writer, d diagram) error {
	var b bytes.Buffer
	ids := d.ids()
	b.WriteString("digraph topology {\n  rankdir=LR;\n")
	for _, n := range d.nodes {
		fmt.Fprintf(&b, "  %s [label=%s, shape=%s];\n", ids[n], dotText(n.name), dotShapes[n.kind])
	}
	for _, e := range d.edges {
		style := "solid"
		if e.indirect {
			style = "dashed"
		}
		fmt.Fprintf(&b, "  %s -> %s [label=%s, style=%s];\n", ids[e.from], ids[e.to], dotText(e.label), style)
	}
	b.WriteString("}\n")
	_, err := out.Write(b.Bytes())
	return err
}

func dotText(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(printable.Cell(text)) + `"`
}
