package config_test

import (
	"strings"
	"testing"

	"github.com/warren-mq/warren/runner/internal/config"
)

func TestVariablesAreExpandedInValues(t *testing.T) {
	t.Parallel()
	known := variables{
		"NAME": "blue", "EMPTY": "", "NUMBER": "12", "YAML": "a\nlog: {level: debug}", "BRACE": "}", "NESTED": "${NAME}", "HASH": "a # b",
	}
	tests := map[string]struct{ value, want string }{
		"a variable":                         {"${NAME}", "blue"},
		"in the middle":                      {"a-${NAME}-${NAME}-z", "a-blue-blue-z"},
		"an empty variable":                  {"'x${EMPTY}'", "x"},
		"a default":                          {"${NONE:-red}", "red"},
		"a default of an empty variable":     {"${EMPTY:-red}", "red"},
		"a default that is not needed":       {"${NAME:-red}", "blue"},
		"an empty default":                   {"x${NONE:-}", "x"},
		"a default with colons":              {"${NONE:-embedded:}", "embedded:"},
		"a reason that is not needed":        {"'${NAME:?why}'", "blue"},
		"two dollars":                        {"$${NAME}", "${NAME}"},
		"a dollar by itself":                 {"$NAME", "$NAME"},
		"a dollar at the end":                {"a$", "a$"},
		"a number where text is wanted":      {"${NUMBER}", "12"},
		"a value that looks like YAML":       {"${YAML}", "a\nlog: {level: debug}"},
		"a value with a brace":               {"${BRACE}", "}"},
		"a value that looks like a variable": {"${NESTED}", "${NAME}"},
		"a value that looks like a comment":  {"${HASH}", "a # b"},
		"single quotes":                      {"'${NAME}'", "blue"},
		"more than one line":                 {"|-\n    ${NAME}\n    sky", "blue\nsky"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := load(t, config.Source{Data: []byte("broker:\n  name: " + tt.value + "\n"), LookupEnv: known.lookup})
			if c.Broker.Name != tt.want || c.Log.Level != "info" {
				t.Errorf("got %q and level %s, want %q", c.Broker.Name, c.Log.Level, tt.want)
			}
		})
	}
}

func TestVariablesAreNotExpandedInKeys(t *testing.T) {
	t.Parallel()
	_, err := config.Load(config.Source{Name: "c.yaml", Data: []byte("${NAME}: 1\n"), LookupEnv: variables{"NAME": "log"}.lookup})
	if err == nil || !strings.Contains(err.Error(), `unknown key "${NAME}"`) {
		t.Errorf("got %v, want an unknown key", err)
	}
}
