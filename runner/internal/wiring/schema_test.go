package wiring_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/runner/internal/wiring"
)

// TestABodyIsCheckedByTheSchemasOfAllQueuesThatReceiveIt, also through bindings.
func TestABodyIsCheckedByTheSchemasOfAllQueuesThatReceiveIt(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "order.json")
	if err := os.WriteFile(file, []byte(`{"required":["number"]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(config.Source{Name: "config.yaml", Data: []byte(`
exchanges: [{name: events}, {name: legacy}, {name: other}]
queues:
  - {name: orders, exchange: events, bindings: [{exchange: legacy, key: "order.*"}], handlers: [{key: "order.*", schema: ` + file + `, log: {}}]}
`)})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		exchange, key string
		checked       bool
	}{{"events", "order.placed", true}, {"legacy", "order.placed", true}, {"", "orders", false}, {"other", "order.placed", false}, {"legacy", "user.left", false}} {
		err := wiring.CheckBody(c, "", &message.Message{Exchange: tt.exchange, RoutingKey: tt.key, Body: []byte("{}")})
		if (err != nil) != tt.checked {
			t.Errorf("exchange %q, key %s: got %v, checked is %v", tt.exchange, tt.key, err, tt.checked)
		}
	}
}
