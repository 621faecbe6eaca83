package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/go-viper/mapstructure/v2"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"github.com/spf13/viper"
)

// override is a setting from the environment or a flag.
type override struct {
	path  string
	place string // WARREN_LOG_LEVEL or --log-level
	value any
	flag  bool
}

// settings returns the paths of the settings outside of lists, with their types.
func settings() map[string]reflect.Type {
	all := make(map[string]reflect.Type)
	var add func(t reflect.Type, path string)
	add = func(t reflect.Type, path string) {
		for f := range t.Fields() {
			at := join(path, f.Tag.Get("yaml"))
			switch {
			case f.Tag.Get("yaml") == "" || f.Type.Kind() == reflect.Slice && f.Type.Elem() != secretType:
			case f.Type.Kind() == reflect.Struct && f.Type != secretType:
				add(f.Type, at)
			default:
				all[at] = f.Type
			}
		}
	}
	add(reflect.TypeFor[Config](), "")
	return all
}

// EnvName returns the variable that overrides the setting at path: WARREN_LOG_LEVEL for
// log.level.
func EnvName(path string) string {
	return "WARREN_" + strings.ToUpper(strings.ReplaceAll(path, ".", "_"))
}

// overrides returns the settings from the environment, followed by those from flags. It
// adds their faults.
func (d *document) overrides() []override {
	var found []override
	known := settings()
	for _, path := range slices.Sorted(maps.Keys(known)) {
		if text, ok := d.source.lookup(EnvName(path)); ok {
			found = append(found, override{path, EnvName(path), typed(text, known[path]), false})
		}
	}
	for _, path := range slices.Sorted(maps.Keys(d.source.Flags)) {
		place := "--" + strings.NewReplacer(".", "-", "_", "-").Replace(path)
		if known[path] == nil {
			d.faults = append(d.faults, Fault{Place: place, Text: fmt.Sprintf("unknown setting %q%s", path, Meant(path, slices.Sorted(maps.Keys(known))))})
			continue
		}
		found = append(found, override{path, place, typed(d.source.Flags[path], known[path]), true})
	}
	for _, o := range found {
		d.checkOverride(o, known[o.path])
	}
	return found
}

// typed returns text as a value of the setting's type, or text itself if it cannot be
// converted.
func typed(text string, t reflect.Type) any {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case isText(t), t == secretType:
		return text
	case t.Kind() == reflect.Slice:
		var list []any
		for item := range strings.SplitSeq(text, ",") {
			list = append(list, strings.TrimSpace(item))
		}
		return list
	case t.Kind() == reflect.Bool:
		if v, err := strconv.ParseBool(text); err == nil {
			return v
		}
	default:
		if v, err := strconv.ParseFloat(text, 64); err == nil && v-v == 0 {
			return v
		}
	}
	return text
}

func (d *document) checkOverride(o override, t reflect.Type) {
	tree := o.value
	words := strings.Split(o.path, ".")
	for _, word := range slices.Backward(words) {
		tree = map[string]any{word: tree}
	}
	shown := ""
	if isOpen(t) && t.Kind() != reflect.Slice {
		shown = fmt.Sprintf("%q", fmt.Sprint(o.value))
	}
	for _, leaf := range violations(tree) {
		if _, ok := leaf.ErrorKind.(*kind.Pattern); ok {
			continue
		}
		d.faults = append(d.faults, Fault{Place: o.place, Text: o.path + " " + describe(leaf.ErrorKind, shown)})
		d.spoil(o.path)
	}
}

// layer merges the defaults, the file and the overrides.
func (d *document) layer(over []override) (*Config, error) {
	v := viper.New()
	for _, o := range over {
		if o.flag && !d.bad[o.path] {
			v.Set(o.path, o.value)
		}
	}
	file := make(map[string]any)
	for path := range settings() {
		if n := d.nodes[path]; n != nil && !d.bad[path] {
			put(file, path, value(n))
		}
	}
	environment := make(map[string]any)
	for _, o := range over {
		if !o.flag && !d.bad[o.path] {
			put(environment, o.path, o.value)
		}
	}
	for _, m := range []map[string]any{file, environment} {
		if err := v.MergeConfigMap(m); err != nil {
			return nil, err
		}
	}
	c := defaults()
	return c, v.UnmarshalExact(c, func(dc *mapstructure.DecoderConfig) {
		dc.TagName, dc.WeaklyTypedInput = "yaml", false
		dc.DecodeHook = mapstructure.ComposeDecodeHookFunc(secretFromMap, mapstructure.TextUnmarshallerHookFunc())
	})
}

func put(m map[string]any, path string, value any) {
	words := strings.Split(path, ".")
	for _, word := range words[:len(words)-1] {
		inner, ok := m[word].(map[string]any)
		if !ok {
			inner = make(map[string]any)
			m[word] = inner
		}
		m = inner
	}
	m[words[len(words)-1]] = value
}

const environPrefix = "WARREN_"

// messageVariables are the variables that job.Exec sets for the command of a message. The
// command may be the runner itself.
var messageVariables = []string{
	"APP_ID", "ATTEMPT", "CONTENT_ENCODING", "CONTENT_TYPE", "CORRELATION_ID", "EXCHANGE", "MESSAGE_ID", "PRIORITY", "QUEUE",
	"REDELIVERED", "REPLY_TO", "ROUTING_KEY", "RUN", "TIMESTAMP", "TYPE",
}

// unknownVariables returns a warning for each WARREN_… variable without a setting. It is
// not an error, because Kubernetes sets such variables for a service named warren.
func unknownVariables(environ []string) []string {
	known := make(map[string]bool)
	for path := range settings() {
		known[EnvName(path)] = true
	}
	names := slices.Sorted(maps.Keys(known))
	warnings := make([]string, 0, 1)
	for _, entry := range slices.Sorted(slices.Values(environ)) {
		name, _, _ := strings.Cut(entry, "=")
		rest, ok := strings.CutPrefix(name, environPrefix)
		switch {
		case !ok, known[name], slices.Contains(messageVariables, rest), strings.HasPrefix(rest, "HEADER_"):
			continue
		}
		warnings = append(warnings, fmt.Sprintf("the variable %s is ignored: there is no such setting%s", name, Meant(name, names)))
	}
	return warnings
}
