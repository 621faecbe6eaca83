package config

import (
	"encoding"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"go.yaml.in/yaml/v3"
)

// checkSchema adds the violations of the schema as faults.
func (d *document) checkSchema() {
	reported := maps.Clone(d.wrong)
	for _, leaf := range violations(value(d.root)) {
		path := strings.Join(leaf.InstanceLocation, ".")
		n := d.nodes[path]
		if reported[path] {
			continue
		}
		switch k := leaf.ErrorKind.(type) {
		case *kind.AdditionalProperties:
			d.unknownKeys(path, k.Properties)
		case *kind.Required:
			for _, name := range k.Missing {
				d.faultf(n, "%s is missing%s", name, in(path))
			}
		case *kind.Pattern: // the fault of the format has a better text
		case *kind.Type:
			d.wrongType(n, path, k)
		default:
			d.faultf(n, "%s", d.fault(n, path, leaf.ErrorKind))
		}
	}
}

// violations returns the violations of the schema in v, one for each fault.
func violations(v any) []*jsonschema.ValidationError {
	var found []*jsonschema.ValidationError
	var collect func(e *jsonschema.ValidationError)
	collect = func(e *jsonschema.ValidationError) {
		if len(e.Causes) == 0 {
			found = append(found, e)
		}
		for _, cause := range e.Causes {
			collect(cause)
		}
	}
	if e, ok := errors.AsType[*jsonschema.ValidationError](compiled().Validate(v)); ok {
		collect(e)
	}
	return found
}

// value returns the tree in the form that the schema's validator takes.
func value(n *yaml.Node) any {
	switch n.Kind {
	case yaml.MappingNode:
		m := make(map[string]any, len(n.Content)/2)
		for i := 0; i < len(n.Content); i += 2 {
			m[n.Content[i].Value] = value(n.Content[i+1])
		}
		return m
	case yaml.SequenceNode:
		list := make([]any, 0, len(n.Content))
		for _, item := range n.Content {
			list = append(list, value(item))
		}
		return list
	default:
		var v any
		if n.Decode(&v) != nil {
			return n.Value // checkTag has reported the wrong tag
		}
		return v
	}
}

func (d *document) unknownKeys(path string, names []string) {
	known := knownKeys(d.notes[d.nodes[path]].of)
	for _, name := range names {
		key := d.nodes[keyOf(join(path, name))]
		hint := Meant(name, known)
		if path == "" && slices.Contains(includes, name) {
			hint = ": a configuration is one file and cannot include others"
		}
		d.faultf(key, "unknown key %q%s%s", name, in(path), hint)
	}
}

// includes are the keys with which other formats include files.
var includes = []string{"include", "includes", "import", "imports", "extends"}

// wrongType adds a fault for a value of the wrong type. An empty section is allowed.
func (d *document) wrongType(n *yaml.Node, path string, k *kind.Type) {
	if k.Got == "null" && path != "" && !strings.Contains(path, ".") && slices.ContainsFunc(k.Want, isSection) {
		return
	}
	if err := readAs(n, d.notes[n].of); err != nil && d.notes[n].open && k.Got != "null" {
		d.faultf(n, "%s is %s: %v", last(path), d.shown(n), err)
		return
	}
	d.faultf(n, "%s%s", d.fault(n, path, k), d.instead(n, path, k))
}

// instead returns what to write instead of a value of the wrong type, if it is known.
func (d *document) instead(n *yaml.Node, path string, k *kind.Type) string {
	switch {
	case k.Got == "string" && last(path) == "command":
		return ` such as [sh, -c, "…"]`
	case k.Got == "null" && d.listing.commentAfter(n.Line, n.Column):
		return ": # begins a comment, so write \"#\" in quotes"
	}
	return ""
}

// readAs returns the error of a type that reads text, for example for a number without a
// unit.
func readAs(n *yaml.Node, t reflect.Type) error {
	if t == nil {
		return nil
	}
	if reader, ok := reflect.TypeAssert[encoding.TextUnmarshaler](reflect.New(t)); ok {
		return reader.UnmarshalText([]byte(n.Value))
	}
	return nil
}

func isSection(jsonType string) bool { return jsonType == "object" || jsonType == "array" }

// fault returns what is wrong with the value of n.
func (d *document) fault(n *yaml.Node, path string, k jsonschema.ErrorKind) string {
	return last(path) + " " + describe(k, d.shown(n))
}

// shown returns the value of n in quotes, or "" if it may be secret.
func (d *document) shown(n *yaml.Node) string {
	note := d.notes[n]
	switch {
	case n.Kind != yaml.ScalarNode || note == nil || !note.open:
		return ""
	case note.source != "":
		return fmt.Sprintf("%q", note.source)
	case n.Style == 0:
		return n.Value
	}
	return fmt.Sprintf("%q", n.Value)
}

// in returns " in PATH" for the path of a section, or "" for the root.
func in(path string) string {
	if path == "" {
		return ""
	}
	return " in " + pretty(path)
}

// pretty returns a path in the form queues[0].name.
func pretty(path string) string {
	var b strings.Builder
	for i, word := range strings.Split(path, ".") {
		switch {
		case word != "" && strings.Trim(word, "0123456789") == "":
			b.WriteString("[" + word + "]")
		case i > 0:
			b.WriteString("." + word)
		default:
			b.WriteString(word)
		}
	}
	return b.String()
}

// last returns the last name of a path.
func last(path string) string {
	text := pretty(path)
	if text == "" {
		return "the file"
	}
	return text[strings.LastIndex(text, ".")+1:]
}
