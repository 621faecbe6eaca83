package config

import (
	"bytes"
	"encoding/json"
	"reflect"
	"sync"

	generator "github.com/invopop/jsonschema"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

const draft7 = "http://json-schema.org/draft-07/schema#"

// Schema returns the JSON Schema (draft 7) of the configuration file, for editors. Load
// checks more than the schema does.
func Schema() []byte {
	r := generator.Reflector{
		FieldNameTag: "yaml", RequiredFromJSONSchemaTags: true, ExpandedStruct: true, Anonymous: true, Mapper: scalarSchema,
	}
	s := r.Reflect(&Config{})
	s.Version, s.Title = draft7, "Configuration of Warren's runner"
	s.PatternProperties = map[string]*generator.Schema{"^" + extension: {Description: "Ignored. Use such keys for YAML anchors."}}
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		panic("config: the schema: " + err.Error()) // it does not depend on input, so a test finds it
	}
	text = bytes.ReplaceAll(text, []byte(`"#/$defs/`), []byte(`"#/definitions/`))
	return append(bytes.Replace(text, []byte(`"$defs"`), []byte(`"definitions"`), 1), '\n')
}

// scalarSchema returns the schema of types whose YAML form differs from their Go type.
func scalarSchema(t reflect.Type) *generator.Schema {
	switch t {
	case reflect.TypeFor[Duration]():
		return &generator.Schema{Type: "string", Format: "duration-units", Pattern: `^[0-9.]+(ns|us|µs|ms|s|m|h)([0-9.]+(ns|us|µs|ms|s|m|h))*$`}
	case reflect.TypeFor[Limit]():
		return &generator.Schema{Type: "string", Format: "duration-or-none"}
	case reflect.TypeFor[Size]():
		return &generator.Schema{Type: "string", Format: "byte-size", Pattern: `^[0-9]+(B|KiB|MiB|GiB)$`}
	case reflect.TypeFor[Verdict]():
		return &generator.Schema{Type: "string", Enum: []any{"ack", "retry", "dead-letter", "discard"}}
	case reflect.TypeFor[Env]():
		return &generator.Schema{Type: "string", Format: "env-entry"}
	case secretType:
		return secretSchema()
	}
	return nil
}

func secretSchema() *generator.Schema {
	properties := generator.NewProperties()
	properties.Set("file", &generator.Schema{Type: "string", Description: "The path of a file that contains the secret."})
	return &generator.Schema{
		Properties: properties, Required: []string{"file"}, AdditionalProperties: generator.FalseSchema,
		Extras: map[string]any{"type": []string{"string", "object"}},
	}
}

// compiled returns the compiled schema, with the formats of this package.
var compiled = sync.OnceValue(func() *jsonschema.Schema {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		panic("config: the schema: " + err.Error())
	}
	c := jsonschema.NewCompiler()
	for name, check := range formats() {
		c.RegisterFormat(&jsonschema.Format{Name: name, Validate: func(v any) error {
			if text, ok := v.(string); ok {
				return check(text)
			}
			return nil
		}})
	}
	if err := c.AddResource("config.schema.json", document); err != nil {
		panic("config: the schema: " + err.Error())
	}
	return c.MustCompile("config.schema.json")
})
