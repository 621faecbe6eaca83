package diagram

import (
	"bytes"
	"fmt"
	"html"
	"io"

	"github.com/warren-mq/warren/internal/printable"
)

// Sizes of a drawing, in CSS pixels.
const (
	boxWidth  = 190
	boxHeight = 34
	columnGap = 120
	rowGap    = 16
	margin    = 10
	maxLabel  = 26 // characters of a name in a box
)

// columns are the columns of the drawing by kind; a dead-letter queue is in the last one.
var columns = map[string]int{"schedule": 0, "exchange": 1, "queue": 2, "delay": 3}

type place struct{ x, y int }

// SVG writes d as a drawing. Its text is in the classes node, edge and label, which have no
// style of their own. The drawing is hidden from screen readers: show a table beside it.
func (d Diagram) SVG(out io.Writer) error {
	places, width, height := d.layout()
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg class="diagram" viewBox="0 0 %d %d" width="%d" height="%d" aria-hidden="true">`, width, height, width, height)
	b.WriteString(`<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs>`)
	for _, e := range d.Edges {
		drawEdge(&b, e, places[e.From], places[e.To])
	}
	for _, n := range d.Nodes {
		p := places[n]
		name := []rune(printable.Cell(n.Name))
		if len(name) > maxLabel {
			name = append(name[:maxLabel-1], '…')
		}
		fmt.Fprintf(&b, `<g class="node %s"><title>%s</title><rect x="%d" y="%d" width="%d" height="%d" rx="6"/><text x="%d" y="%d">%s</text></g>`,
			n.Kind, html.EscapeString(printable.Cell(n.Name)), p.x, p.y, boxWidth, boxHeight, p.x+boxWidth/2, p.y+boxHeight/2+4, html.EscapeString(string(name)))
	}
	b.WriteString("</svg>")
	_, err := out.Write(b.Bytes())
	return err
}

// layout returns where each node is. Columns without nodes take no space.
func (d Diagram) layout() (places map[Node]place, width, height int) {
	places = make(map[Node]place, len(d.Nodes))
	rows, used := make(map[int]int), make([]bool, 5)
	columnOf := make(map[Node]int, len(d.Nodes))
	for _, n := range d.Nodes {
		columnOf[n] = columns[n.Kind]
	}
	for _, e := range d.Edges {
		if e.Label == deadLetter && e.To.Kind == "queue" {
			columnOf[e.To] = 4
		}
	}
	for _, c := range columnOf {
		used[c] = true
	}
	at, x := make([]int, len(used)), margin
	for i, ok := range used {
		if at[i] = x; ok {
			x += boxWidth + columnGap
		}
	}
	width, height = max(x-columnGap, 0)+margin, 2*margin
	for _, n := range d.Nodes {
		c := columnOf[n]
		p := place{at[c], margin + rows[c]*(boxHeight+rowGap)}
		places[n] = p
		rows[c]++
		height = max(height, p.y+boxHeight+margin)
	}
	return places, width, height
}

// drawEdge draws a curve from the right of a box to the left of another one, or back.
func drawEdge(b *bytes.Buffer, e Edge, from, to place) {
	class := "edge"
	if e.Indirect {
		class = "edge indirect"
	}
	x1, y1, x2, y2, bend := from.x+boxWidth, from.y+boxHeight/2, to.x, to.y+boxHeight/2, columnGap/2
	if to.x < from.x { // back
		x1, x2, bend = from.x, to.x+boxWidth, -columnGap/2
		y1, y2 = y1+6, y2+6
	} else if to.x == from.x {
		x2 = to.x + boxWidth
		fmt.Fprintf(b, `<path class="%s" d="M%d %dC%d %d %d %d %d %d" marker-end="url(#tip)"/>`, class, x1, y1, x1+bend, y1, x2+bend, y2, x2, y2)
		return
	}
	fmt.Fprintf(b, `<path class="%s" d="M%d %dC%d %d %d %d %d %d" marker-end="url(#tip)"/>`, class, x1, y1, x1+bend, y1, x2-bend, y2, x2, y2)
	if e.Label != "" {
		label := []rune(printable.Cell(e.Label))
		if len(label) > maxLabel {
			label = append(label[:maxLabel-1], '…')
		}
		fmt.Fprintf(b, `<text class="label" x="%d" y="%d">%s</text>`, (x1+x2)/2, (y1+y2)/2-4, html.EscapeString(string(label)))
	}
}
