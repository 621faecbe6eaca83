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
