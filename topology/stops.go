package topology

import (
	"cmp"

	"github.com/warren-mq/warren/message"
)

// StopAllowance is how often, in addition to its delivery limit, a queue with SingleActive or
// Partitions delivers a message before the broker dead-letters it. A consumer of such a queue that
// stops leaves its messages to the end of its channel, to keep their order, and every version of
// RabbitMQ counts that as a delivery. The worker keeps the delivery limit itself, without the
// stops that it has recorded in StopsQueue.
const StopAllowance = 1000

// StopsQueue returns the name of the queue in which the single active consumer of a queue, or of a
// partition, records the messages that it leaves when it stops: their checkpoints, and how often
// a stop has cost them a delivery. It holds one message, the latest record.
func StopsQueue(queue string) string { return queue + ".stops" }

// Stops declares the StopsQueue of a queue or of a partition. A worker declares it when it is first
// used.
func Stops(queue string) Topology {
	return Topology{Queues: []Queue{{Name: StopsQueue(queue), Arguments: message.Headers{
		"x-queue-type": Quorum, "x-queue-leader-locator": LeaderLocator,
		"x-delivery-limit": NeverReached, "x-max-length": 1, "x-overflow": dropHead,
	}}}}
}

// Stops declares the StopsQueue of the queue and of each partition, if it has a single active
// consumer.
func (q WorkQueue) Stops() (t Topology) {
	if !q.SingleActive && q.Partitions == 0 || q.Instance != "" {
		return t
	}
	t = Stops(q.QueueName())
	for n := range min(q.Partitions, MaxPartitions) {
		t = t.Merge(Stops(Partition(q.Name, n)))
	}
	return t
}

// AllowsStops reports whether the broker's delivery limit of the queue is raised by StopAllowance.
// With native delays it is not, because the broker counts retries too.
func (q WorkQueue) AllowsStops() bool {
	_, own := q.Arguments["x-delivery-limit"]
	return q.kind() == Quorum && (q.SingleActive || q.Partitions > 0) && q.RetryPause == 0 && !q.OnlyArguments && !own
}

// deliveryLimit returns the broker's delivery limit of a quorum queue.
func (q WorkQueue) deliveryLimit() int {
	limit := cmp.Or(q.DeliveryLimit, DefaultDeliveryLimit)
	if q.AllowsStops() {
		return min(limit, NeverReached-StopAllowance) + StopAllowance
	}
	return limit
}
