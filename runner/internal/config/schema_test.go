package config_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"reflect"
	"slices"
	"testing"

	"github.com/warren-mq/warren/runner/internal/config"
)

var update = flag.Bool("update", false, "write the golden files and the schema anew")

const root = "../../../"

func TestTheCommittedSchemaIsFresh(t *testing.T) {
	t.Parallel()
	golden(t, root+"config.schema.json", config.Schema())
}

func TestTheDefaultsOfTheSchemaAreThoseOfTheLoader(t *testing.T) {
	t.Parallel()
	c := load(t, config.Source{LookupEnv: unset, Data: []byte(`
exchanges: [{name: e}]
queues:
  - name: q
    handlers:
      - {key: a, exec: {command: [a]}}
      - {key: b, persistent: {command: [a]}}
      - {key: c, webhook: {url: "https://a"}}
      - {key: d, log: {}}
schedules: [{name: s, cron: "@daily", key: q}]
`)})
	queue := c.Queues[0]
	for name, of := range map[string]any{
		"": c, "Broker": c.Broker, "TLS": c.Broker.TLS, "Exchange": c.Exchanges[0], "Queue": queue, "Retry": queue.Retry,
		"Exec": *queue.Handlers[0].Exec, "Persistent": *queue.Handlers[1].Persistent, "Webhook": *queue.Handlers[2].Webhook,
		"LogLine": *queue.Handlers[3].Log, "Schedule": c.Schedules[0], "Scheduler": c.Scheduler, "Admin": c.Admin,
		"Log": c.Log, "Telemetry": c.Telemetry, "Backoff": c.Broker.Backoff,
	} {
		d := definitions(t)[name]
		d.Required = append(d.Required, "key") // given above
		v := reflect.Indirect(reflect.ValueOf(of))
		for field, value := range v.Fields() {
			key := field.Tag.Get("yaml")
			want, has := d.Properties[key].Default, isScalar(value.Kind()) && !value.IsZero() && !slices.Contains(d.Required, key)
			if got := fmt.Sprint(value); key != "" && (has || want != nil) && got != fmt.Sprint(want) {
				t.Errorf("%s.%s: the loader has %s, and the schema %v", name, key, got, want)
			}
		}
	}
}

type definition struct {
	Properties map[string]struct {
		Default any `json:"default"`
	} `json:"properties"`
	Required []string `json:"required"`
}

// definitions are the definitions of the schema by name; "" is the whole.
func definitions(t *testing.T) map[string]definition {
	t.Helper()
	var whole struct {
		definition
		Definitions map[string]definition `json:"definitions"`
	}
	if err := json.Unmarshal(config.Schema(), &whole); err != nil {
		t.Fatal(err)
	}
	whole.Definitions[""] = whole.definition
	return whole.Definitions
}

func isScalar(k reflect.Kind) bool {
	return !slices.Contains([]reflect.Kind{reflect.Struct, reflect.Slice, reflect.Map, reflect.Pointer, reflect.Interface}, k)
}

// golden compares got with a file, or writes it.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("%s is not what comes out now; go test -update writes it. Got:\n%s", name, got)
	}
}
