package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/amqp/members"
	"github.com/warren-mq/warren/internal/pace"
	"github.com/warren-mq/warren/internal/partition"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/internal/telemetry"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
)

// A queue with Partitions distributes its messages: its consumer, the only one among all processes
// that is active, publishes each message to the partition of its key, and acks it when the broker has
// confirmed that. A lane waits for the confirm before it publishes the next message, so that the
// messages of a key reach their partition in order, also when a message has to be published again.
const (
	distributeLanes    = 64 // keys whose messages are under way at a time
	distributePrefetch = 4 * distributeLanes
)

// distributeTimeout is how long a consumer that ends waits for the confirms of its messages. The next
// process distributes only after that.
const distributeTimeout = 3 * time.Second

// closing returns the context for closing a consumer whose goroutines end at hard. A message that
// cannot be published to its partition does not hold up the next process: the broker requeues it,
// together with the messages behind it.
func (q *Subscription) closing(hard context.Context) (context.Context, context.CancelFunc) {
	if q.distributes() {
		return context.WithTimeout(hard, distributeTimeout)
	}
	return hard, func() {}
}

// divide adds the partitions of the queue. Each has a keeper, lanes and settings of its own, and
// shares the handlers of the queue.
func (q *Subscription) divide() {
	for n := range min(q.config.Partitions, topology.MaxPartitions) {
		p := &Subscription{
			worker: q.worker, config: q.config, mux: q.mux, chain: q.chain, observed: q.observed, overdue: q.overdue, running: q.running,
			parking: q.parking, whole: q, partition: n, elsewhere: true, concurrency: q.config.Concurrency, retry: q.config.Retry, seed: q.seed,
			swapped: make(chan struct{}), changed: make(chan struct{}, 1), unrouted: q.unrouted, pool: newPool(), stopping: make(chan struct{}),
			copies: copies{window: make(chan struct{}, handOverWindow)}, depth: newDepth(),
		}
		p.config.SingleActive = true
		q.partitions = append(q.partitions, p)
		q.worker.starting.Add(1)
	}
	if q.distributes() {
		q.config.SingleActive, q.concurrency = true, distributeLanes
	}
}

// distributes reports whether the queue passes its messages to partitions, instead of handling
// them.
func (q *Subscription) distributes() bool { return len(q.partitions) > 0 }

// handling returns the queues whose messages are handled: the partitions, or q itself.
func (q *Subscription) handling() []*Subscription {
	if q.distributes() {
		return q.partitions
	}
	return []*Subscription{q}
}

// consumers returns how many times the concurrency of h applies: once for each partition that this
// process consumes, or once.
func (q *Subscription) consumers(h QueueHealth) int {
	if q.distributes() {
		return len(h.Partitions)
	}
	return 1
}

// changeAll changes the queue and its partitions.
func (q *Subscription) changeAll(set func(*Subscription)) {
	q.change(func() { set(q) })
	for _, p := range q.partitions {
		p.change(func() { set(p) })
	}
}

// sourceName returns the name of the queue in messages and failure records, which a partition
// shares with its queue.
func (q *Subscription) sourceName() string {
	if q.whole != nil {
		return q.config.Name
	}
	return q.queueName()
}

// inHandNow returns the number of messages in handlers, or whose copy is not confirmed yet.
func (q *Subscription) inHandNow() (n int64) {
	for _, h := range q.handling() {
		n += h.busy.Load()
	}
	return n
}

// ownPartition returns the queue of a partition, if the worker declares it. All else is the part of
// the whole queue.
func (q *Subscription) ownPartition(w topology.WorkQueue) (declared, verified topology.Topology) {
	if q.worker.mode().Manages() {
		declared = w.PartitionQueue(q.partition)
	}
	return declared, verified
}

// group returns the group of the processes that consume the queue.
func (q *Subscription) group() *members.Group {
	return members.New(q.worker.connections.sender.Connector(), members.Options{
		Queue: q.config.Name, Partitions: len(q.partitions), Log: q.worker.log,
		Active: func() bool { paused, _ := q.wanted(); return !paused },
		Assign: q.assign,
	})
}

// assign consumes the partitions in mine, and no others.
func (q *Subscription) assign(mine []int) {
	for n, p := range q.partitions {
		if elsewhere := !slices.Contains(mine, n); elsewhere != p.isElsewhere() {
			p.change(func() { p.elsewhere = elsewhere })
		}
	}
	q.grantSlots()
}

func (q *Subscription) isElsewhere() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.elsewhere
}

// distribute publishes a message to its partition and settles it. It publishes again until the broker
// confirms the message, until the worker is told to stop or the broker takes the delivery back.
func (q *Subscription) distribute(d *amqp.Delivery) {
	var m message.Message
	d.Fill(&m)
	target := topology.Partition(q.config.Name, partition.Of(q.orderKey(&m), len(q.partitions)))
	moved := record.Move(&m, q.config.Name)
	for n := 1; d.Context().Err() == nil && q.receiving.Err() == nil; n++ {
		err := q.worker.connections.sender.SendUntil(d.Context(), "", target, moved)
		switch {
		case err == nil:
			_ = d.Ack() // if the channel is gone, the message comes again
			return
		case isUnpublishable(err):
			q.unpublishable(d, &m, err)
			return
		case errors.Is(err, broker.ErrUnroutable):
			q.assertSoon() // someone has deleted the partition
		}
		pace.Until(d.Context(), q.receiving.Done(), handOffPauses(), n)
	}
	q.leaveUndistributed(d, &m)
}

// leaveUndistributed leaves a message to the end of the channel, and records the stop.
func (q *Subscription) leaveUndistributed(d *amqp.Delivery, m *message.Message) {
	q.stops.leave(d.Tag, q.recorded(d.Tag, m).afterStop("", m.DeliveryCount))
	d.Leave()
}

// keptWarnings returns how many messages stay in the queue because they cannot be published to their
// partitions. Each of them takes a place among the messages that the consumer has fetched, until it ends.
func (q *Subscription) keptWarnings() []string {
	n := q.kept.Load()
	if n == 0 {
		return nil
	}
	text := "queue %s: %d of the %d messages that are fetched at a time cannot be published to their partitions and stay in the queue"
	if n >= distributePrefetch {
		text += ", so no others are received"
	}
	return []string{fmt.Sprintf(text+"; give the queue a dead-letter exchange, or raise the broker's max_message_size, and restart the worker", q.config.Name, n, distributePrefetch)}
}

// unpublishable dead-letters a message that cannot be published to its partition. If the queue may have
// no dead-letter exchange, the message stays in it.
func (q *Subscription) unpublishable(d *amqp.Delivery, m *message.Message, err error) {
	ctx := telemetry.Within(q.worker.creation(m))
	log := q.worker.log.With("queue", q.config.Name, "message_id", m.ID, "error", err)
	if q.keepsRejected() {
		log.ErrorContext(ctx, "worker: message not published to its partition, dead-lettering")
		_ = d.Reject()
		return
	}
	q.kept.Add(1)
	log.ErrorContext(ctx, "worker: message not published to its partition, keeping it in the queue")
	q.leaveUndistributed(d, m)
}
