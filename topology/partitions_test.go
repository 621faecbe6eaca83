package topology_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/warren-mq/warren/topology"
)

// TestPartitionsAreDeclaredLikeTheirQueue: with its arguments, so that their dead letters are the
// queue's.
func TestPartitionsAreDeclaredLikeTheirQueue(t *testing.T) {
	t.Parallel()
	q := topology.WorkQueue{Name: "orders", Exchange: "shop", Keys: []string{"#"}, Partitions: 3, MaxLength: 5}
	all := make(map[string]string)
	for _, queue := range q.Topology().Queues {
		all[queue.Name] = fmt.Sprint(queue.Arguments)
	}
	for n := range 3 {
		if !topology.IsPartition("orders", topology.Partition("orders", n)) || topology.IsPartition("order", topology.Partition("orders", n)) {
			t.Errorf("partition %d is not the partition of orders alone", n)
		}
		if name := topology.Partition("orders", n); all[name] != all["orders"] || !strings.Contains(all[name], "x-single-active-consumer:true") {
			t.Errorf("%s has %s, want the arguments of orders: %s", name, all[name], all["orders"])
		}
	}
	if len(all) != 3+4 {
		t.Errorf("%d queues are declared, want 3 partitions, orders, orders.dlq, orders.delay and warren.delayed.shop", len(all))
	}
}
