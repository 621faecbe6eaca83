package command

import (
	"context"
	"log/slog"
	"sync"

	"github.com/warren-mq/warren/console"
	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/runner/internal/engine"
	"github.com/warren-mq/warren/runner/internal/wiring"
	"github.com/warren-mq/warren/topology"
)

// consolePath is where the admin interface serves the console.
const consolePath = "/console/"

// consoleOf returns the console of a runner, or nil if admin.console is off.
func consoleOf(e *engine.Engine, log *slog.Logger) (*console.Console, error) {
	c := e.Config().Admin
	if c.Console == "off" {
		return nil, nil //nolint:nilnil // no console
	}
	return console.New(console.Config{
		Broker: e.Broker(), Path: consolePath, Topology: topologyOf(e.Config), Control: c.Console == "full", Token: reveal(c.Token), Logger: log,
		Replicas: replicasOf(e.Config),
	})
}

// replicasOf returns a function that reads the replicas of a queue from the management plugin, if
// the configuration has its address.
func replicasOf(current func() *config.Config) func(context.Context, string) (*console.Replicas, error) {
	return func(ctx context.Context, queue string) (*console.Replicas, error) {
		c := current()
		if c.Broker.ManagementURL.IsZero() {
			return nil, nil // the replicas are not known
		}
		client, err := managementClient(c)
		if err != nil {
			return nil, err
		}
		defer client.Close()
		r, err := client.Replicas(ctx, queue)
		if err != nil {
			return nil, err
		}
		return &console.Replicas{Leader: r.Leader, Members: r.Members, Online: r.Online}, nil
	}
}

// topologyOf returns a function that returns the topology of the current configuration. It
// computes the topology once for each configuration.
func topologyOf(current func() *config.Config) func() topology.Topology {
	var mu sync.Mutex
	var of *config.Config
	var t topology.Topology
	return func() topology.Topology {
		mu.Lock()
		defer mu.Unlock()
		if c := current(); c != of {
			of, t = c, wiring.Topology(c)
		}
		return t
	}
}
