package wiring_test

import (
	"slices"
	"testing"

	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/runner/internal/wiring"
	"github.com/warren-mq/warren/topology"
)

// TestTheTopologyHasTheSlotsOfLimits of queues and of handlers.
func TestTheTopologyHasTheSlotsOfLimits(t *testing.T) {
	t.Parallel()
	c, err := config.Load(config.Source{Name: "config.yaml", Data: []byte(`
broker: {url: "amqp://broker/"}
queues:
  - name: charges
    limit: {name: stripe, concurrency: 2}
    handlers: [{key: charges, limit: {name: calls, rate: 1, period: 1m}, log: {}}]
`)})
	if err != nil {
		t.Fatal(err)
	}
	queues := wiring.Topology(c).Queues
	for _, name := range []string{"warren.limit.stripe.0", "warren.limit.stripe.1", "warren.limit.calls.rate.0"} {
		if !slices.ContainsFunc(queues, func(q topology.Queue) bool { return q.Name == name }) {
			t.Errorf("the topology lacks %s", name)
		}
	}
}
