package config

import (
	"encoding"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

var (
	secretType = reflect.TypeFor[Secret]()
	textTypes  = []reflect.Type{reflect.TypeFor[Text](), reflect.TypeFor[Env](), reflect.TypeFor[URL]()}
	readsText  = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// visit walks the tree together with the type that it is decoded into. Below unknown keys
// t is nil. It writes notes, expands variables and reads the files of secrets.
func (d *document) visit(n *yaml.Node, t reflect.Type, path string) {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if len(path) > maxPath {
		d.faultf(n, "the path of this value is too long, want at most %d bytes of keys", maxPath)
		return
	}
	d.notes[n], d.nodes[path] = &note{path: path, of: t}, n
	switch n.Kind {
	case yaml.SequenceNode:
		for i, item := range n.Content {
			d.visit(item, elem(t, reflect.Slice), join(path, strconv.Itoa(i)))
		}
	case yaml.MappingNode:
		d.visitMapping(n, t, path)
	default: // aliases were expanded before
		d.visitScalar(n, t)
	}
	d.checkTag(n)
}

func (d *document) visitMapping(n *yaml.Node, t reflect.Type, path string) {
	for i := 0; i < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		at := join(path, key.Value)
		d.notes[key], d.nodes[keyOf(at)] = &note{path: at, open: true}, key
		if t == nil || t.Kind() != reflect.Map || t.Key().Kind() == reflect.String {
			key.Tag = "!!str" // also for the keys true and null
		}
		of := elem(t, reflect.Map)
		switch {
		case t == secretType && key.Value == "file":
			of = reflect.TypeFor[string]()
		case t != nil && t.Kind() == reflect.Struct:
			of = fieldType(t, key.Value)
		}
		d.visit(value, of, at)
	}
	if t == secretType {
		d.fetch(n)
	}
}

// elem returns the element type if t is of the given kind, t itself if t is an interface,
// and nil otherwise.
func elem(t reflect.Type, kind reflect.Kind) reflect.Type {
	switch {
	case t == nil:
		return nil
	case t.Kind() == kind:
		return t.Elem()
	case t.Kind() == reflect.Interface:
		return t
	}
	return nil
}

// fieldType returns the type of the field with the YAML name, or nil.
func fieldType(t reflect.Type, name string) reflect.Type {
	for f := range t.Fields() {
		if name != "" && f.Tag.Get("yaml") == name {
			return f.Type
		}
	}
	return nil
}

func join(path, name string) string { return strings.TrimPrefix(path+"."+name, ".") }

func (d *document) visitScalar(n *yaml.Node, t reflect.Type) {
	note := d.notes[n]
	d.noteScalar(n, t)
	expanded, names, err := expand(n.Value, d.lookupFor(n))
	if err != nil {
		d.faultf(n, "%s", strings.ReplaceAll(err.Error(), "\n", "; "))
		return
	}
	note.open = isOpen(t)
	if expanded != n.Value {
		note.source, note.names = n.Value, names
		n.Value = expanded
		if n.Style == 0 {
			n.Tag = "" // the text may now be a number
			n.Tag = n.ShortTag()
		}
	}
	if plain := n.Tag == "!!timestamp" || n.Tag == "!!merge"; plain || len(note.names) > 0 && isText(t) {
		n.Tag = "!!str"
	}
}

// isOpen reports whether values of the type are never secret.
func isOpen(t reflect.Type) bool {
	if t == nil || slices.Contains(textTypes, t) {
		return false
	}
	switch t.Kind() {
	case reflect.String, reflect.Bool, reflect.Int, reflect.Int64, reflect.Uint8, reflect.Float64:
		return true
	default:
		return false
	}
}

// isText reports whether the type is read from text.
func isText(t reflect.Type) bool {
	return t != nil && (t.Kind() == reflect.String || reflect.PointerTo(t).Implements(readsText))
}

var knownTags = map[string]bool{
	"!!str": true, "!!int": true, "!!float": true, "!!bool": true, "!!null": true, "!!map": true, "!!seq": true,
}

var leadingZero = regexp.MustCompile(`^[-+]?0[0-9_]+$`)

// checkTag refuses types that no field has, and numbers that are none.
func (d *document) checkTag(n *yaml.Node) {
	switch tag := n.ShortTag(); {
	case !knownTags[tag]:
		d.faultf(n, "the tag %q is not known, want none", tag)
	case n.Kind == yaml.ScalarNode:
		var v any
		if err := n.Decode(&v); err != nil {
			d.faultf(n, "this is no %s", strings.TrimPrefix(tag, "!!"))
		} else if f, ok := v.(float64); ok && f-f != 0 {
			d.faultf(n, "this is no finite number")
		} else if _, ok := v.(uint64); ok {
			d.faultf(n, "this number is too large, want 64 bits with a sign")
		} else if tag == "!!int" && leadingZero.MatchString(n.Value) {
			d.faultf(n, "a number begins with 0, which some readers of YAML take for octal: leave out the 0, or write text in quotes")
		}
	case (tag == "!!map") != (n.Kind == yaml.MappingNode) || (tag == "!!seq") != (n.Kind == yaml.SequenceNode):
		d.faultf(n, "the tag %q does not fit, want none", tag)
	}
}

// maxSecret is the largest secret that is read from a file.
const maxSecret = 64 << 10

// fetch looks whether the file of {file: PATH} can be read, and completes the path.
func (d *document) fetch(n *yaml.Node) {
	name := fieldOf(n, "file")
	if name == nil || name.ShortTag() != "!!str" {
		return // the schema says what is wrong
	}
	if d.source.Elsewhere {
		d.replace(n, name)
		return
	}
	if !filepath.IsAbs(name.Value) {
		name.Value = filepath.Join(filepath.Dir(d.source.Name), name.Value)
	}
	switch text, err := ReadFile(name.Value, maxSecret); {
	case err != nil:
		d.faultf(name, "the file of the secret cannot be read: %v", err)
	case strings.TrimRight(string(text), "\r\n") == "":
		d.faultf(name, "the file %s of the secret is empty", name.Value)
	}
}
