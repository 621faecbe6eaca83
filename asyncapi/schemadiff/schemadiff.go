// Package schemadiff finds the changes between two versions of a JSON Schema or of an AsyncAPI
// document that break other programs: consumers that refuse messages of older producers, and
// producers whose messages older consumers refuse.
package schemadiff

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Side says on which side of a queue a schema is used.
type Side int

const (
	// Both is for a schema that producers and consumers share: every change that breaks one of
	// them is breaking.
	Both Side = iota
	// Consumer is for messages that are received. The new version must accept every message
	// that the old version accepts, because producers may still be old.
	Consumer
	// Producer is for messages that are sent. The old version must accept every message that the
	// new version accepts, because consumers may still be old.
	Producer
)

// Change is a difference between two versions.
type Change struct {
	Path     string `json:"path"`   // where it is, as a JSON pointer, such as /properties/email/type
	Text     string `json:"change"` // what has changed, such as "integer is not accepted any more"
	Breaking bool   `json:"breaking"`
}

// effect says how the messages that a schema accepts have changed.
type effect int

const (
	same  effect = 0
	fewer effect = 1 // messages are accepted
	more  effect = 2
	other effect = fewer | more // or it cannot be decided
)

// breaks reports whether an effect breaks a program on the other side of s.
func (s Side) breaks(e effect) bool {
	switch s {
	case Consumer:
		return e&fewer != 0
	case Producer:
		return e&more != 0
	case Both:
	}
	return e != same
}

// Schemas compares two versions of a JSON Schema, of draft 4 to 2020-12. References must be to parts
// of the schema itself. Titles, descriptions, defaults, examples and unknown keywords are ignored.
//
// Two things are judged by what programs do, and not by the letter. A new optional property is
// compatible: programs are assumed not to have sent another value under its name. And formats are
// assumed to be checked.
//
// Keywords such as not and if are breaking if they change, since their effect is not computed. The
// error says that a version is not a JSON Schema.
func Schemas(old, next []byte, side Side) ([]Change, error) {
	a, err := decode("old", old)
	if err != nil {
		return nil, err
	}
	b, err := decode("new", next)
	if err != nil {
		return nil, err
	}
	c := newComparison(a, b, side)
	c.schemas("", a, b)
	return c.sorted()
}

const maxBytes = 16 << 20

// decode returns the value of a JSON text that is an object or a boolean.
func decode(version string, text []byte) (value any, err error) {
	if len(text) > maxBytes {
		return nil, fmt.Errorf("schemadiff: the %s version has %d bytes, want at most %d", version, len(text), maxBytes)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&value); err != nil {
		return nil, fmt.Errorf("schemadiff: the %s version is not JSON: %w", version, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("schemadiff: the %s version has text after its JSON value", version)
	}
	switch value.(type) {
	case map[string]any, bool:
		return value, nil
	}
	return nil, fmt.Errorf("schemadiff: the %s version is neither an object nor true nor false", version)
}

// comparison collects the changes between two versions.
type comparison struct {
	old, next any // the whole versions, in which references are resolved
	side      Side
	forced    bool // inside a keyword whose effect is not computed
	replying  bool // inside the reply of an operation
	compared  map[pair]bool
	changes   []Change
	faults    []error
}

func newComparison(old, next any, side Side) *comparison {
	return &comparison{old: old, next: next, side: side, compared: make(map[pair]bool)}
}

func (c *comparison) addf(path string, e effect, format string, args ...any) {
	if c.forced {
		e = other
	}
	c.changes = append(c.changes, Change{path, fmt.Sprintf(format, args...), c.side.breaks(e)})
}

// sorted returns the changes, the breaking ones first.
func (c *comparison) sorted() ([]Change, error) {
	if err := errors.Join(c.faults...); err != nil {
		return nil, err
	}
	slices.SortStableFunc(c.changes, func(a, b Change) int {
		if a.Breaking != b.Breaking {
			if a.Breaking {
				return -1
			}
			return 1
		}
		return strings.Compare(a.Path, b.Path)
	})
	return slices.Compact(c.changes), nil
}

// join adds a part to a JSON pointer.
func join(path, part string) string {
	return path + "/" + strings.ReplaceAll(strings.ReplaceAll(part, "~", "~0"), "/", "~1")
}

// find returns the value at a reference such as #/$defs/name in root.
func find(root any, ref string) (any, error) {
	pointer, ok := strings.CutPrefix(ref, "#")
	if !ok || pointer != "" && pointer[0] != '/' {
		return nil, fmt.Errorf("schemadiff: reference %q: want a reference to a part of the same version, such as #/$defs/name", ref)
	}
	value := root
	for _, part := range strings.Split(pointer, "/")[1:] {
		part = strings.ReplaceAll(strings.ReplaceAll(part, "~1", "/"), "~0", "~")
		object, _ := value.(map[string]any)
		if value, ok = object[part]; !ok {
			return nil, fmt.Errorf("schemadiff: reference %q leads nowhere", ref)
		}
	}
	return value, nil
}

// maxReferences bounds a chain of references.
const maxReferences = 100

// resolve follows the references of a schema.
func resolve(root, schema any) (resolved any, err error) {
	all, err := chain(root, schema)
	if err != nil {
		return nil, err
	}
	return all[len(all)-1], nil
}

// chain returns a schema, and those that its references lead to one after another.
func chain(root, schema any) ([]any, error) {
	all, at := []any{schema}, ""
	for range maxReferences {
		object, _ := schema.(map[string]any)
		ref, ok := object["$ref"].(string)
		if !ok {
			return all, nil
		}
		var err error
		if schema, err = find(root, ref); err != nil {
			return nil, err
		}
		all, at = append(all, schema), ref
	}
	return nil, fmt.Errorf("schemadiff: reference %q: the chain of references has no end", at)
}
