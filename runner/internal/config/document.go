package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	// MaxBytes is the largest configuration file that is read.
	MaxBytes = 1 << 20
	maxDepth = 64     // of nested maps and lists
	maxKey   = 255    // bytes of a key: AMQP has no longer names
	maxPath  = 1000   // bytes of the keys that lead to a node: each node has them
	maxText  = 1000   // bytes of a fault
	maxNodes = 100000 // with each alias taken as what it stands for
)

// document is a file in the making: its tree, what is known of the tree's nodes, and
// what is wrong with it.
type document struct {
	source  Source
	listing *listing
	root    *yaml.Node
	notes   map[*yaml.Node]*note
	nodes   map[string]*yaml.Node // by path; those of keys by keyOf
	faults  []Fault
	bad     map[string]bool // paths with a fault at or below them
	wrong   map[string]bool // paths whose value has a fault itself, or whose key
	count   int             // of nodes
}

// note is what is known of a node.
type note struct {
	path   string
	of     reflect.Type // what it is for; nil if that is unknown
	open   bool         // it may be shown
	source string       // as it is written, if it held a variable
	names  []string
}

func keyOf(path string) string { return "key " + path }

// parse reads the tree. What is wrong with it may leave it empty, but never nil.
func parse(s Source) *document {
	d := &document{
		source: s, root: &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: 1, Column: 1},
		notes: make(map[*yaml.Node]*note), nodes: make(map[string]*yaml.Node), bad: make(map[string]bool), wrong: make(map[string]bool),
	}
	if len(s.Data) > MaxBytes {
		d.faults = append(d.faults, Fault{Place: s.Name, Text: fmt.Sprintf("it has %d bytes, want at most %s", len(s.Data), Size(MaxBytes))})
		return d
	}
	lines := strings.Split(string(s.Data), "\n")
	d.listing = newListing(lines, &yaml.Node{})
	decoder := yaml.NewDecoder(bytes.NewReader(s.Data))
	var first, second yaml.Node
	switch err := decoder.Decode(&first); {
	case errors.Is(err, io.EOF):
		return d
	case err != nil:
		d.syntax(err)
		return d
	}
	d.listing = newListing(lines, &first)
	d.resolve(first.Content[0])
	if err := decoder.Decode(&second); err == nil {
		d.faultf(&second, "a second document begins, want one: take out the ---")
	} else if !errors.Is(err, io.EOF) {
		d.syntax(err)
	}
	return d
}

var lineOf = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// keyed is the beginning of a line with a key.
var keyed = regexp.MustCompile(`^([ \t-]*)[A-Za-z_]+:`)

// syntax is for what is no YAML: the parser names no column, and with some faults no
// line.
func (d *document) syntax(err error) {
	text := err.Error()
	line := 1
	if m := lineOf.FindStringSubmatch(text); m != nil {
		if n, err := strconv.Atoi(m[1]); err == nil {
			line = max(1, min(n, len(d.listing.lines)))
		}
		text = text[len(m[0]):]
	}
	text, line = d.aliasLine(text, line)
	f := Fault{Place: d.source.Name, Line: line, Column: 1, Text: "this is not YAML: " + text + d.unquoted(line)}
	if m := keyed.FindStringSubmatch(d.listing.lines[line-1]); m != nil { // the rest may be secret
		f.Excerpt, f.Caret = m[0], len(m[1])
		f.Column += f.Caret
	}
	d.faults = append(d.faults, f)
}

// faultf adds a fault at n.
func (d *document) faultf(n *yaml.Node, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + "…"
	}
	d.faults = append(d.faults, Fault{Place: d.source.Name, Line: n.Line, Column: n.Column, Text: text})
	if note := d.notes[n]; note != nil {
		d.wrong[note.path] = true
		d.spoil(note.path)
	}
}

// failure is all that is wrong, with excerpts; nil if nothing is.
func (d *document) failure() error {
	if len(d.faults) == 0 {
		return nil
	}
	e := newError(d.faults)
	for i, f := range e.Faults {
		if f.Line > 0 && f.Excerpt == "" {
			e.Faults[i].Excerpt, e.Faults[i].Caret = d.listing.excerpt(position{f.Line, f.Column})
		}
	}
	return e
}

// spoil marks a path, and all above it, as having a fault.
func (d *document) spoil(path string) {
	for d.bad[path] = true; path != ""; {
		path = path[:max(strings.LastIndex(path, "."), 0)]
		d.bad[path] = true
	}
}
