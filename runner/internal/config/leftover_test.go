package config_test

import (
	"strings"
	"testing"

	"github.com/warren-mq/warren/runner/internal/config"
)

func TestLeftoversNameQueuesAndKeysThatGoOnFilling(t *testing.T) {
	t.Parallel()
	const head = "exchanges: [{name: events}, {name: other}]\nqueues:\n"
	before := load(t, config.Source{LookupEnv: unset, Data: []byte(head +
		"  - {name: a, exchange: events, handlers: [{key: one, log: {}}, {key: two, log: {}}]}\n" +
		"  - {name: gone, exchange: events, handlers: [{key: one, log: {}}]}\n")})
	for name, tt := range map[string]struct {
		queue string
		want  []string
	}{
		"a removed queue":             {"{name: a, exchange: events, handlers: [{key: one, log: {}}, {key: two, log: {}}]}", []string{`queue "gone"`}},
		"a removed key":               {"{name: a, exchange: events, handlers: [{key: one, log: {}}]}", []string{`by the key "two"`, `queue "gone"`}},
		"a changed exchange":          {"{name: a, exchange: other, handlers: [{key: one, log: {}}, {key: two, log: {}}]}", []string{`by the key "one"`, `by the key "two"`, `queue "gone"`}},
		"a queue that others own now": {"{name: a, exchange: events, topology: verify, handlers: [{key: one, log: {}}]}", []string{`queue "gone"`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			after := load(t, config.Source{LookupEnv: unset, Data: []byte(head + "  - " + tt.queue + "\n")})
			got := config.Leftovers(before, after)
			if len(got) != len(tt.want) {
				t.Fatalf("got %q, want %d", got, len(tt.want))
			}
			for i, want := range tt.want {
				if !strings.Contains(got[i].String(), want) {
					t.Errorf("got %q, want %q in it", got[i], want)
				}
			}
			if same := config.Leftovers(after, after); len(same) > 0 {
				t.Errorf("got %q without a change", same)
			}
		})
	}
}
