package rabbit

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
)

// StartCluster starts a cluster of RabbitMQ nodes on this machine for the test, and removes it
// when the test ends. It skips tests on a broker in memory.
func StartCluster(tb testing.TB, size int) []Node {
	tb.Helper()
	NeedsDisk(tb)
	all, err := clusterProcess()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_, err := all.command("remove")
		if err := errors.Join(err, os.RemoveAll(all.dir)); err != nil {
			tb.Error(err)
		}
	})
	urls := strings.Fields(all.must(tb, "cluster", strconv.Itoa(size)))
	nodes := make([]Node, 0, size)
	for i, url := range urls {
		nodes = append(nodes, &process{script: all.script, dir: fmt.Sprintf("%s/%d", all.dir, i+1), url: url})
	}
	return nodes
}

// clusterProcess returns a process for the commands that affect all nodes.
func clusterProcess() (*process, error) {
	script, err := findScript()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(os.Getenv("WARREN_NODES"), "warren-cluster-")
	if err != nil {
		return nil, fmt.Errorf("rabbit: folder for a cluster: %w", err)
	}
	return &process{script: script, dir: dir}, nil
}

// Leaders returns the name of the node that leads each quorum queue, by the name of the queue.
// The node must be one of StartCluster.
func Leaders(tb testing.TB, n Node) map[string]string {
	tb.Helper()
	p, ok := n.(*process)
	if !ok {
		tb.Fatalf("rabbit: leaders of queues: got a %T, want a node of StartCluster", n)
	}
	leaders := make(map[string]string)
	for line := range strings.Lines(p.must(tb, "ctl", "list_queues", "--no-table-headers", "name", "leader")) {
		if name, leader, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok {
			leaders[name] = leader
		}
	}
	return leaders
}
