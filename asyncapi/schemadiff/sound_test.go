package schemadiff_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/warren-mq/warren/asyncapi/schemadiff"
)

// TestCompatibleVersionsAcceptTheMessages compares random schemas, and checks by a validator that
// messages of one version are accepted by the other if no change is breaking. The schemas refuse or
// list all properties, since a new optional property is judged by what programs do.
func TestCompatibleVersionsAcceptTheMessages(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	compatible, accepted := 0, 0
	for range 600 {
		old, shared := randomSchema(r, 2), randomSchema(r, 0)
		next, shared2 := mutated(r, old), shared
		if r.IntN(4) == 0 {
			shared2 = mutated(r, shared)
			if o, ok := shared2.(object); ok {
				delete(o, "$ref") // would refer to itself
			}
		}
		a, b := encode(t, withType(old, shared)), encode(t, withType(next, shared2))
		changes, err := schemadiff.Schemas(a, b, schemadiff.Consumer)
		if err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(changes, func(c schemadiff.Change) bool { return c.Breaking }) {
			continue
		}
		compatible++
		from, to := compiled(t, a), compiled(t, b)
		for range 20 {
			m := randomValue(r, 2)
			if from.Validate(m) != nil {
				continue
			}
			accepted++
			if err := to.Validate(m); err != nil {
				t.Fatalf("%s\n%s\nno change is breaking (%v), and a message of the old version is refused: %s: %v", a, b, changes, encode(t, m), err)
			}
		}
	}
	if compatible < 100 || accepted < 200 {
		t.Errorf("%d pairs were compatible with %d messages, want more", compatible, accepted)
	}
}

func encode(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func compiled(t *testing.T, text []byte) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("a:b", doc); err != nil {
		t.Fatal(err)
	}
	return c.MustCompile("a:b")
}

type object = map[string]any

func randomSchema(r *rand.Rand, depth int) any {
	s := object{}
	pick := func(n int) bool { return r.IntN(n) == 0 }
	if pick(2) {
		s["type"] = unique([]any{[]string{"string", "integer", "number", "object", "array", "null"}[r.IntN(6)], []string{"string", "boolean"}[r.IntN(2)]}[:1+r.IntN(2)])
	}
	if pick(4) {
		s["enum"] = []any{1, "a", "bb", nil}[r.IntN(3):]
	}
	if pick(4) {
		s["minimum"], s["maxLength"] = r.IntN(3), r.IntN(3)
	}
	if depth == 0 {
		return s
	}
	if pick(4) {
		s["$ref"] = "#/$defs/shared"
	}
	if pick(2) {
		s["properties"], s["additionalProperties"] = object{"a": randomSchema(r, depth-1), "b": randomSchema(r, depth-1)}, pick(2)
		s["required"] = []any{"a", "b"}[:r.IntN(3)]
	}
	if pick(3) {
		s["items"] = randomSchema(r, depth-1)
	}
	if pick(3) {
		s[[]string{"anyOf", "oneOf", "allOf", "prefixItems"}[r.IntN(4)]] = []any{randomSchema(r, depth-1), randomSchema(r, depth-1)}[:1+r.IntN(2)]
	}
	if pick(6) {
		s["not"] = randomSchema(r, depth-1)
	}
	return s
}

// withType returns a schema with the type that its parts refer to.
func withType(schema, shared any) any {
	s, ok := schema.(object)
	if !ok {
		return schema
	}
	s = maps.Clone(s)
	s["$defs"] = object{"shared": shared}
	return s
}

func unique(all []any) []any {
	if len(all) == 2 && all[0] == all[1] {
		return all[:1]
	}
	return all
}

// mutated returns a copy of a schema with one keyword added, removed or replaced at some place.
func mutated(r *rand.Rand, schema any) any {
	s, ok := schema.(object)
	if !ok {
		return schema
	}
	c := maps.Clone(s)
	other, _ := randomSchema(r, 1).(object)
	for k := range c {
		if nested, ok := c[k].(object); ok && k != "properties" && r.IntN(2) == 0 {
			c[k] = mutated(r, nested)
			return c
		}
	}
	if p, ok := c["properties"].(object); ok && r.IntN(2) == 0 {
		c["properties"] = object{"a": mutated(r, p["a"]), "b": p["b"]}
		return c
	}
	for _, k := range []string{"type", "enum", "minimum", "maxLength", "items", "anyOf", "oneOf", "allOf", "not", "required", "$ref"} {
		if r.IntN(4) == 0 {
			delete(c, k)
			if v, ok := other[k]; ok {
				c[k] = v
			}
		}
	}
	return c
}

func randomValue(r *rand.Rand, depth int) any {
	n := 7
	if depth == 0 {
		n = 5
	}
	switch r.IntN(n) {
	case 0:
		return json.Number([]string{"0", "1", "2", "1.5"}[r.IntN(4)])
	case 1:
		return []string{"", "a", "bb", "ccc"}[r.IntN(4)]
	case 2:
		return nil
	case 3:
		return r.IntN(2) == 0
	case 5:
		return []any{randomValue(r, depth-1), randomValue(r, depth-1)}[:r.IntN(3)]
	case 6:
		o := object{}
		for _, name := range []string{"a", "b", "c"} {
			if r.IntN(2) == 0 {
				o[name] = randomValue(r, depth-1)
			}
		}
		return o
	}
	return json.Number("1")
}
