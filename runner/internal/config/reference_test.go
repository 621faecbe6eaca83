package config_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/warren-mq/warren/runner/internal/config"
)

const referenceTitle = `# Reference: config.yaml

Every setting of the runner's configuration file. This page is written from [config.schema.json](../../config.schema.json), which
editors read: ` + "`go test ./runner/internal/config -update`" + ` writes both. [The runner](../runner.md#configuration) describes where
settings come from. Keys that begin with ` + "`x-`" + ` are ignored, and are a place for YAML anchors.

`

// TestTheReferenceOfTheConfigurationIsFresh holds docs/reference/configuration.md to the schema.
func TestTheReferenceOfTheConfigurationIsFresh(t *testing.T) {
	t.Parallel()
	var file setting
	if err := json.Unmarshal(config.Schema(), &file); err != nil {
		t.Fatal(err)
	}
	r := reference{definitions: file.Definitions}
	r.section("", file)
	if len(r.sections) < 15 {
		t.Errorf("the schema has %d sections, want more: is it read right?", len(r.sections))
	}
	golden(t, root+"docs/reference/configuration.md", append([]byte(referenceTitle), bytes.Join(r.sections, []byte("\n"))...))
}

// setting is a JSON Schema, as far as it is used here.
type setting struct {
	Ref         string             `json:"$ref"`
	Type        words              `json:"type"`
	Format      string             `json:"format"`
	Description string             `json:"description"`
	Default     any                `json:"default"`
	Enum        []any              `json:"enum"`
	Minimum     json.Number        `json:"minimum"`
	Maximum     json.Number        `json:"maximum"`
	Items       *setting           `json:"items"`
	Properties  properties         `json:"properties"`
	Required    []string           `json:"required"`
	Definitions map[string]setting `json:"definitions"`
}

// words is a string or several.
type words []string

func (w *words) UnmarshalJSON(b []byte) error {
	if b[0] == '[' {
		return json.Unmarshal(b, (*[]string)(w))
	}
	*w = words{""}
	return json.Unmarshal(b, &(*w)[0])
}

type property struct {
	key string
	setting
}

// properties keeps the order of an object's members.
type properties []property

func (p *properties) UnmarshalJSON(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	if _, err := d.Token(); err != nil {
		return err
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return err
		}
		next := property{key: fmt.Sprint(key)}
		if err := d.Decode(&next.setting); err != nil {
			return err
		}
		*p = append(*p, next)
	}
	return nil
}

// reference writes a section for each object of a schema.
type reference struct {
	definitions map[string]setting
	sections    [][]byte
	written     []string // names of definitions
}

func (r *reference) section(path string, s setting) {
	var b bytes.Buffer
	if path == "" {
		fmt.Fprint(&b, "## The file\n\n")
	} else {
		fmt.Fprintf(&b, "## `%s`\n\n", path)
	}
	fmt.Fprint(&b, "| setting | type | default | |\n| --- | --- | --- | --- |\n")
	r.sections = append(r.sections, nil)
	place, inner := len(r.sections)-1, strings.TrimPrefix(path+".", ".")
	for _, p := range s.Properties {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", p.key, kind(p.setting), standard(s.Required, p), cell(p.Description))
		r.object(inner+p.key, p.setting)
	}
	r.sections[place] = b.Bytes()
}

// object writes the section of the object that s refers to, once.
func (r *reference) object(path string, s setting) {
	if s.Items != nil {
		path, s = path+"[]", *s.Items
	}
	name := strings.TrimPrefix(s.Ref, "#/definitions/")
	if name == "" || slices.Contains(r.written, name) {
		return
	}
	r.written = append(r.written, name)
	r.section(path, r.definitions[name])
}

// formats are the words for formats of strings.
var formats = map[string]string{
	"duration-units": "duration", "duration-or-none": "duration, or `none`", "byte-size": "size", "listen": "address",
}

// kind returns the type of a setting in words.
func kind(s setting) string {
	switch secret := len(s.Properties) == 1; {
	case secret:
		return "text, or `{file: PATH}`"
	case len(s.Enum) > 0:
		var words []string
		for _, e := range s.Enum {
			words = append(words, fmt.Sprintf("`%v`", e))
		}
		return strings.Join(words, ", ")
	case s.Items != nil:
		return "list, " + kind(*s.Items)
	case s.Ref != "":
		return "settings"
	case len(s.Type) == 0:
		return "any value"
	case s.Type[0] == "string":
		if f := formats[s.Format]; f != "" {
			return f
		}
		return "text"
	case s.Minimum != "" && s.Maximum != "":
		return fmt.Sprintf("%s, %s to %s", s.Type[0], s.Minimum, s.Maximum)
	}
	return s.Type[0]
}

// standard returns the default of a setting.
func standard(required []string, p property) string {
	switch {
	case slices.Contains(required, p.key):
		return "required"
	case p.Default == nil:
		return ""
	}
	return fmt.Sprintf("`%v`", p.Default)
}

// cell returns text for a cell of a table, in which a bar would end the cell.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
