package asyncapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"mime"
	"reflect"
	"strings"

	generator "github.com/invopop/jsonschema"
)

// isJSON reports whether the bodies are what encoding/json makes of a Go value. The body of a
// structured CloudEvent has the value inside.
func isJSON(contentType string) bool {
	kind, _, err := mime.ParseMediaType(contentType)
	return err == nil && (kind == "application/json" || kind == "text/json" || strings.HasSuffix(kind, "+json") && kind != "application/cloudevents+json")
}

// reflect adds the schemas of a Go type and of the types in it, and returns where its own schema is.
func (b *builder) reflect(t reflect.Type) (at string, err error) {
	defer func() {
		if r := recover(); r != nil { // the library's way to report a type without JSON, such as a channel
			err = fmt.Errorf("type %v cannot be described: %v", t, r)
		}
	}()
	r := generator.Reflector{Anonymous: true, AllowAdditionalProperties: true, Namer: b.typeName}
	text, err := json.Marshal(r.ReflectFromType(t))
	if err != nil {
		return "", fmt.Errorf("type %v: %w", t, err)
	}
	text = bytes.ReplaceAll(text, []byte(`"#/$defs/`), []byte(`"`+schemasAt))
	var root map[string]any
	if json.Unmarshal(text, &root) != nil {
		root = make(map[string]any) // true: any JSON
	}
	defs, _ := root["$defs"].(map[string]any)
	maps.Copy(b.doc.Components.Schemas, defs)
	delete(root, "$defs")
	delete(root, "$schema")
	if at, ok := root["$ref"].(string); ok {
		return at, nil
	}
	name := b.name("schemas", t.String(), t)
	b.doc.Components.Schemas[name] = root
	return schemasAt + name, nil
}

// typeName returns the key of a Go type: its name, with a number if types of other packages have
// the same name. It returns "" for a type without a name, whose schema stands where it is used.
func (b *builder) typeName(t reflect.Type) string {
	short := t.Name()
	if short != "" && b.types[t] == "" {
		if i := strings.IndexByte(short, '['); i > 0 {
			short = short[:i] // the arguments of a generic type have the paths of their packages
		}
		b.types[t] = b.name("schemas", short, t)
	}
	return b.types[t]
}

// drafts are the formats of the drafts of JSON Schema.
var drafts = map[string]string{"draft-07": "draft-07", "draft-06": "draft-06", "draft-04": "draft-04", "2019-09": "2019-09"}

func formatOf(schema map[string]any) string {
	text, _ := schema["$schema"].(string)
	for part, draft := range drafts {
		if strings.Contains(text, part) {
			return "application/schema+json;version=" + draft
		}
	}
	return "application/schema+json;version=2020-12"
}

// embed adds a JSON Schema with its format, and returns where it is.
func (b *builder) embed(pattern string, text json.RawMessage) (at string, err error) {
	schema, err := decode(text)
	if err != nil {
		return "", err
	}
	id := b.name("schemas", pattern, string(text))
	at = schemasAt + id
	format := "application/schema+json;version=2020-12"
	if root, ok := schema.(map[string]any); ok {
		format = formatOf(root)
		delete(root, "$id") // its own parts are found by their place in the document
	}
	if err := relocate(schema, at+"/schema"); err != nil {
		return "", err
	}
	b.doc.Components.Schemas[id] = map[string]any{"schemaFormat": format, "schema": schema}
	return at, nil
}

func decode(text []byte) (schema any, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&schema); err != nil {
		return nil, fmt.Errorf("the schema is not JSON: %w", err)
	}
	switch schema.(type) {
	case map[string]any, bool:
		return schema, nil
	}
	return nil, errors.New("the schema is neither an object nor true nor false")
}

// relocate changes the references of a schema to its own parts, which are now at another place.
func relocate(schema any, at string) error {
	switch s := schema.(type) {
	case []any:
		for _, one := range s {
			if err := relocate(one, at); err != nil {
				return err
			}
		}
	case map[string]any:
		for keyword, value := range s {
			if err := relocateKeyword(s, keyword, value, at); err != nil {
				return err
			}
		}
	}
	return nil
}

func relocateKeyword(s map[string]any, keyword string, value any, at string) error {
	switch keyword {
	case "enum", "const", "default", "examples", "example":
		return nil // values, not schemas
	case "properties", "patternProperties", "$defs", "definitions", "dependentSchemas":
		named, _ := value.(map[string]any)
		for _, one := range named {
			if err := relocate(one, at); err != nil {
				return err
			}
		}
		return nil
	case "$ref":
		text, _ := value.(string)
		if text != "#" && !strings.HasPrefix(text, "#/") {
			return fmt.Errorf("it refers to %s, want references to its own parts, such as #/$defs/name", text)
		}
		s[keyword] = at + strings.TrimPrefix(text, "#")
		return nil
	case "$id", "$anchor", "$dynamicRef", "$recursiveRef":
		return fmt.Errorf("it has the keyword %s, which cannot be part of a document", keyword)
	}
	return relocate(value, at)
}
