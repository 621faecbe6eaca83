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
	maxDepth = 64     // levels of nested maps and lists
	maxKey   = 255    // bytes of a key, as of names in AMQP
	maxPath  = 1000   // bytes of a node's path, because each node stores its path
	maxText  = 1000   // bytes of a fault
	maxNodes = 100000 // nodes, counting the nodes of each alias
)

// document is a file that is being read: its tree, notes about the tree's nodes, and the
// faults found so far.
type document struct {
	source  Source
	listing *listing
	root    *yaml.Node
	notes   map[*yaml.Node]*note
	nodes   map[string]*yaml.Node // values by path, and keys by keyOf(path)
	faults  []Fault
	bad     map[string]bool // paths with a fault at or below them
	wrong   map[string]bool // paths whose own value or key has a fault
	count   int             // the number of nodes
	needed  *needed
}

// note describes a node.
type note struct {
	path   string
	of     reflect.Type // the type that the node is decoded into; nil if unknown
	open   bool         // the value may be shown
	source string       // the text in the file, if it contains a variable
	names  []string
}

func keyOf(path string) string { return "key " + path }

// parse reads the tree. After a fault the tree may be empty, but it is not nil.
func parse(s Source) *document {
	d := &document{
		source: s, root: &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: 1, Column: 1},
		notes: make(map[*yaml.Node]*note), nodes: make(map[string]*yaml.Node), bad: make(map[string]bool), wrong: make(map[string]bool), needed: newNeeded(),
	}
	if len(s.Data) > MaxBytes {
		d.faults = append(d.faults, Fault{Place: s.Name, Text: fmt.Sprintf("the file has %d bytes, want at most %s", len(s.Data), Size(MaxBytes))})
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
		d.faultf(&second, "a second document begins here, want one: remove the ---")
	} else if !errors.Is(err, io.EOF) {
		d.syntax(err)
	}
	return d
}

var lineOf = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// keyed matches the beginning of a line with a key.
var keyed = regexp.MustCompile(`^([ \t-]*)[A-Za-z_]+:`)

// syntax adds a fault for text that is not YAML. The parser reports no column, and for
// some faults no line.
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
	if m := keyed.FindStringSubmatch(d.listing.lines[line-1]); m != nil { // the rest of the line may be secret
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

// failure returns all faults with their excerpts, or nil if there are none.
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

// spoil marks a path and its parents as having a fault.
func (d *document) spoil(path string) {
	for d.bad[path] = true; path != ""; {
		path = path[:max(strings.LastIndex(path, "."), 0)]
		d.bad[path] = true
	}
}
