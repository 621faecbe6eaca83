package command

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/runner/internal/management"
	"github.com/warren-mq/warren/runner/internal/wiring"
	"github.com/warren-mq/warren/topology"
)

// replicas is how many members a quorum queue has by default, in a cluster of that size.
const replicas = 3

// checkMembers reports quorum queues with fewer members than the cluster can give them. A
// queue keeps the members that it had when it was declared, so a queue that is older than
// the cluster has one. AMQP does not show members.
func (e *examination) checkMembers(ctx context.Context) {
	if e.config.Broker.ManagementURL.IsZero() {
		e.addf("members", "skipped", "Set broker.management_url, or compare the output of: rabbitmqctl list_queues name members",
			"AMQP does not show on how many nodes a quorum queue has replicas")
		return
	}
	queues, nodes, err := e.members(ctx)
	if err != nil {
		e.failf("members", "Correct broker.management_url; its user needs the tag monitoring.", "%v", err)
		return
	}
	want, before := min(len(nodes), replicas), len(e.findings)
	for _, q := range queues {
		if n := len(q.Nodes); n > 0 && n < want && isUsed(e.config, q.Queue) {
			e.warnf("members", grow(q, nodes, want), "%s has %d of %d members: it was declared before the cluster was complete, and is unavailable while one of its nodes is down",
				q.Queue, n, want)
		}
	}
	e.okUnlessf(before, "members", "each quorum queue has at least the wanted number of members (want %d, on %d nodes)", want, len(nodes))
}

func (e *examination) members(ctx context.Context) ([]management.Members, []string, error) {
	client, err := managementClient(e.config)
	if err != nil {
		return nil, nil, err
	}
	defer client.Close()
	queues, err := client.Members(ctx)
	if err != nil {
		return nil, nil, err
	}
	nodes, err := client.Nodes(ctx)
	return queues, nodes, err
}

// grow returns the commands that add the missing members.
func grow(q management.Members, nodes []string, want int) string {
	missing := slices.DeleteFunc(slices.Sorted(slices.Values(nodes)), func(n string) bool { return slices.Contains(q.Nodes, n) })
	commands := make([]string, 0, want-len(q.Nodes))
	for _, node := range missing[:want-len(q.Nodes)] {
		commands = append(commands, "rabbitmq-queues grow "+node+" all --queue-pattern '^"+regexp.QuoteMeta(q.Queue)+"$'")
	}
	return "Run " + strings.Join(commands, " && ")
}

// isUsed reports whether the configuration declares the queue, or Warren itself does, such as
// for delays and schedules.
func isUsed(c *config.Config, queue string) bool {
	return strings.HasPrefix(queue, "warren.") ||
		slices.ContainsFunc(wiring.Topology(c).Queues, func(q topology.Queue) bool { return q.Name == queue })
}
