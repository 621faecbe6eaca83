package topology

import (
	"strconv"
	"strings"

	"github.com/warren-mq/warren/internal/check"
)

// PartitionExchange is the direct exchange to which processes announce which partitions of a queue
// they claim. The routing key is the name of the queue. Each process binds an exclusive queue, whose
// name begins with the name of the exchange and a dot.
const PartitionExchange = "warren.partitions"

// PartitionGroup returns PartitionExchange.
func PartitionGroup() Topology {
	return Topology{Exchanges: []Exchange{{Name: PartitionExchange, Kind: "direct"}}}
}

// Partition returns the name of a partition of a work queue, which are numbered from 0:
// <queue>.partition.0.
func Partition(queue string, n int) string { return queue + partitionInfix + strconv.Itoa(n) }

const partitionInfix = ".partition."

// IsPartition reports whether a name is the name of a partition of a work queue.
func IsPartition(queue, name string) bool {
	number, ok := strings.CutPrefix(name, queue+partitionInfix)
	_, err := strconv.ParseUint(number, 10, 32)
	return ok && err == nil
}

// MaxPartitions is the largest number of partitions of a queue.
const MaxPartitions = 64

// PartitionQueue returns a partition of the queue, with the arguments of the queue.
func (q WorkQueue) PartitionQueue(n int) Topology {
	return Topology{Queues: []Queue{{Name: Partition(q.Name, n), Arguments: q.arguments()}}}
}

// partitions returns what the partitions of the queue need.
func (q WorkQueue) partitions() (t Topology) {
	if q.Partitions == 0 {
		return t
	}
	t = PartitionGroup()
	for n := range q.Partitions {
		t = t.Merge(q.PartitionQueue(n))
	}
	return t
}

// validatePartitions adds the settings that a queue with partitions does not have.
func (q WorkQueue) validatePartitions(f *check.Faults) {
	if q.Partitions == 0 {
		return
	}
	f.Addf(q.Partitions < 2 || q.Partitions > MaxPartitions, "Partitions is %d, want 2 to %d, or 0 for none", q.Partitions, MaxPartitions)
	f.Addf(q.kind() != Quorum || q.MaxPriority > 0, "Partitions is set, want Type quorum and no MaxPriority: a queue with priorities has no order")
	f.Addf(q.Instance != "" || q.OnlyArguments, "Partitions is set, want neither a queue of one process nor OnlyArguments")
	f.Addf(q.RetryPause > 0, "Partitions is set, want no native delays: a retry goes through the queue to its partition")
}
