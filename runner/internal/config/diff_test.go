package config_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/warren-mq/warren/runner/internal/config"
)

const before = `
broker: {url: amqp://user:one@host}
exchanges: [{name: events}, {name: jobs, type: direct}]
queues:
  - {name: mail, exchange: events, concurrency: 2, codec: small, handlers: [{key: a, exec: {command: [mail]}}]}
  - {name: work, exchange: jobs, handlers: [{key: w, codec: large, webhook: {url: "https://host/", signing_keys: [0123456789abcdef]}}]}
codecs: [{name: small, compress: gzip}, {name: large}, {name: later, max_bytes: 2MiB}]
schedules: [{name: nightly, cron: "@daily", key: mail, codec: later}]
log: {level: info}
`

func TestDiffReturnsHowAChangeIsApplied(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		replace []string
		want    config.Changes
	}{
		"nothing":                     {nil, config.Changes{}},
		"other spaces":                {[]string{"level: info", "level:   info"}, config.Changes{}},
		"a default that is spelt out": {[]string{"{name: events}", "{name: events, type: topic}"}, config.Changes{}},
		"the level of the log":        {[]string{"level: info", "level: debug"}, config.Changes{Live: []string{"log.level"}}},
		"the concurrency":             {[]string{"concurrency: 2", "concurrency: 3"}, config.Changes{Live: []string{"queues.mail.concurrency"}}},
		"the lowest concurrency":      {[]string{"concurrency: 2", "concurrency: 2, min_concurrency: 1"}, config.Changes{Restart: []string{"mail"}}},
		"the retry policy":            {[]string{"concurrency: 2", "concurrency: 2, retry: {max_attempts: 9}"}, config.Changes{Live: []string{"queues.mail.retry"}}},
		"a pause":                     {[]string{"concurrency: 2", "concurrency: 2, paused: true"}, config.Changes{Live: []string{"queues.mail.paused"}}},
		"a command":                   {[]string{"[mail]", "[mail, --fast]"}, config.Changes{Restart: []string{"mail"}}},
		"a command and more":          {[]string{"[mail]", "[mail, --fast]", "concurrency: 2", "concurrency: 3"}, config.Changes{Restart: []string{"mail"}}},
		"a signing key":               {[]string{"0123456789abcdef", "fedcba9876543210"}, config.Changes{Restart: []string{"work"}}},
		"the type of an exchange":     {[]string{"type: direct", "type: fanout"}, config.Changes{Restart: []string{"work"}, Exchanges: []string{"jobs"}}},
		"the type of an exchange in bindings": {
			[]string{"name: mail, exchange: events,", "name: mail, exchange: events, bindings: [{exchange: jobs, key: m}],", "type: direct", "type: fanout"},
			config.Changes{Restart: []string{"mail", "work"}, Exchanges: []string{"jobs"}},
		},
		"a limit of a queue":       {[]string{"concurrency: 2", "concurrency: 2, max_length: 9"}, config.Changes{Restart: []string{"mail"}, Schedules: true}},
		"a queue with a limit":     {[]string{"queues:", "queues:\n  - {name: full, max_length: 9, handlers: [{key: f, log: {}}]}"}, config.Changes{Added: []string{"full"}, Schedules: true}},
		"the codec of a queue":     {[]string{"compress: gzip", "compress: zstd"}, config.Changes{Restart: []string{"mail"}}},
		"the codec of a handler":   {[]string{"{name: large}", "{name: large, compress: zstd}"}, config.Changes{Restart: []string{"work"}}},
		"the codec of a schedule":  {[]string{"2MiB", "3MiB"}, config.Changes{Schedules: true}},
		"an exchange more":         {[]string{"{name: events}", "{name: events}, {name: more}"}, config.Changes{Exchanges: []string{"more"}}},
		"another name of a queue":  {[]string{"name: mail", "name: post", "key: mail", "key: post"}, config.Changes{Added: []string{"post"}, Removed: []string{"mail"}, Schedules: true}},
		"a schedule":               {[]string{"@daily", "@hourly"}, config.Changes{Schedules: true}},
		"the password":             {[]string{"user:one", "user:two"}, config.Changes{Process: []string{"broker"}}},
		"what needs a new process": {[]string{"log: {level: info}", "log: {format: json}\nadmin: {listen: none}\ngrace: 5s\ntelemetry: {prometheus: false}"}, config.Changes{Process: []string{"admin", "log.format", "telemetry", "grace"}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			after := strings.NewReplacer(tt.replace...).Replace(before)
			from := load(t, config.Source{Data: []byte(before), LookupEnv: unset})
			got := config.Diff(from, load(t, config.Source{Data: []byte(after), LookupEnv: unset}))
			if !reflect.DeepEqual(got, tt.want) || got.Empty() != reflect.DeepEqual(tt.want, config.Changes{}) {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}
