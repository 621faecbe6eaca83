package worker

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/metric"

	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/internal/telemetry"
	"github.com/warren-mq/warren/message"
)

// queueGauges are the instruments for the state of queues.
type queueGauges struct {
	messages, consumers, deadLetters    metric.Int64ObservableGauge
	concurrency, prefetch, currentState metric.Int64ObservableGauge
}

func (m *meter) newQueueGauges() {
	m.queues = queueGauges{
		messages:     m.gauge(telemetry.MetricQueueMessages, "messages of a queue that are not delivered to a consumer; absent if the broker does not report it"),
		deadLetters:  m.gauge(telemetry.MetricDeadLetters, "messages in the dead-letter queue; absent if the broker does not report it"),
		concurrency:  m.gauge(telemetry.MetricConcurrency, "messages that are handled at a time"),
		prefetch:     m.gauge(telemetry.MetricPrefetch, "messages that the broker sends before they are settled"),
		currentState: m.unitGauge(telemetry.MetricState, "{state}", "1 for the state that the queue is in, 0 for the others"),
		consumers:    m.unitGauge(telemetry.MetricQueueConsumers, "{consumer}", "consumers of a queue in all processes; absent if the broker does not report it"),
	}
}

func (g queueGauges) all() []metric.Observable {
	return []metric.Observable{g.messages, g.consumers, g.deadLetters, g.concurrency, g.prefetch, g.currentState}
}

// observeQueue reports the state of a queue, and its depth as of the last count.
func (m *meter) observeQueue(o metric.Observer, q *Subscription) {
	queue := metric.WithAttributes(queueAttribute(q.config.Name))
	h := q.Health()
	consumers := q.consumers(h)
	o.ObserveInt64(m.queues.concurrency, int64(consumers*h.Concurrency), queue)
	o.ObserveInt64(m.queues.prefetch, int64(consumers*q.config.prefetch(h.Concurrency)), queue)
	if q.distributes() {
		o.ObserveInt64(m.shares.partitions, int64(consumers), queue)
	}
	for state := StateStarting; state <= StateDraining; state++ {
		in := int64(0)
		if state == h.State {
			in = 1
		}
		o.ObserveInt64(m.queues.currentState, in, metric.WithAttributes(queueAttribute(q.config.Name), telemetry.StateKey.String(state.String())))
	}
	if d := q.depth.collect(time.Now()); d != nil {
		o.ObserveInt64(m.queues.messages, int64(d.queue.Messages), queue)
		o.ObserveInt64(m.queues.consumers, int64(d.queue.Consumers), queue)
		if d.counted {
			o.ObserveInt64(m.queues.deadLetters, int64(d.deadLetters), queue)
		}
	}
}

// queueTimeBuckets are the boundaries of the time in a queue, in seconds: from what a waiting
// consumer needs to a backlog of hours.
func queueTimeBuckets() []float64 {
	return []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 4 * 3600}
}

// waited records how long a message was in its queue.
func (m *meter) waited(ctx context.Context, queue string, msg *message.Message, now time.Time) {
	if !m.queueTime.Enabled(ctx) {
		return
	}
	if d, ok := record.Waited(msg, now); ok {
		m.queueTime.Record(ctx, d.Seconds(), metric.WithAttributes(queueAttribute(queue)))
	}
}
