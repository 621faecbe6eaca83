package config

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

const hidden = "****"

// position is a line and a column, both counted from 1.
type position [2]int

func at(n *yaml.Node) position { return position{n.Line, n.Column} }

// listing is the text of the file for excerpts: its lines, and the positions of scalars,
// with true for those that may be shown.
type listing struct {
	lines   []string
	columns map[int][]int
	open    map[position]bool
}

// newListing records the positions of scalars and aliases.
func newListing(lines []string, tree *yaml.Node) *listing {
	l := &listing{lines: lines, columns: make(map[int][]int), open: make(map[position]bool)}
	l.add(tree)
	return l
}

func (l *listing) add(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode || n.Kind == yaml.AliasNode {
		l.columns[n.Line] = append(l.columns[n.Line], n.Column)
		l.open[at(n)] = n.Kind == yaml.AliasNode
	}
	for i, child := range n.Content {
		l.add(child)
		if n.Kind == yaml.MappingNode && i%2 == 0 && child.Kind == yaml.ScalarNode {
			l.open[at(child)] = true
		}
	}
}

// disclose marks the values that may be shown. If a node was copied, no copy may be
// secret.
func (l *listing) disclose(notes map[*yaml.Node]*note) {
	secret := make(map[position]bool)
	for n, note := range notes {
		if n.Kind == yaml.ScalarNode {
			secret[at(n)] = secret[at(n)] || !note.open
		}
	}
	for pos, is := range secret {
		l.open[pos] = !is
	}
}

// excerpt returns the line of pos up to the end of the text that begins at pos, and the
// number of characters before pos. Possible secrets are shown as ****, and comments are
// omitted.
func (l *listing) excerpt(pos position) (text string, caret int) {
	if pos[0] < 1 || pos[0] > len(l.lines) {
		return "", 0
	}
	line := []rune(strings.TrimSuffix(l.lines[pos[0]-1], "\r"))
	start := min(pos[1]-1, len(line))
	var b strings.Builder
	from := 0
	for _, column := range l.columns[pos[0]] {
		if to := min(column-1, start); to > from || to == column-1 {
			b.WriteString(l.part(line, pos[0], from, to))
			from = to
		}
	}
	if from < start {
		b.WriteString(l.part(line, pos[0], from, start))
	}
	caret = len([]rune(b.String()))
	end := len(line)
	for _, column := range l.columns[pos[0]] {
		if column-1 > start {
			end = min(end, column-1)
		}
	}
	itself := strings.TrimRight(l.part(line, pos[0], start, end), " ,-:")
	return narrow(b.String()+itself, caret)
}

// part returns a part of a line, which begins at a scalar or at the beginning of the line,
// as it may be shown.
func (l *listing) part(line []rune, number, from, to int) string {
	text := string(line[from:to])
	open, scalar := l.open[position{number, from + 1}]
	switch {
	case text == "", !scalar && strings.Trim(text, " \t-{}[],?:&*") == "":
		return text
	case !scalar || !open: // for example the end of a text that begins on another line
		return hidden + " "
	}
	before, _, _ := strings.Cut(text, " #")
	return before
}

// narrow cuts a long line to the text around the caret.
func narrow(text string, caret int) (string, int) {
	const before, after = 90, 60
	runes := []rune(text)
	if len(runes) > caret+after {
		runes = append(runes[:caret+after:caret+after], '…')
	}
	if caret > before {
		runes = append([]rune{'…'}, runes[caret-before+1:]...)
		caret = before
	}
	return string(runes), caret
}
