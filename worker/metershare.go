package worker

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/warren-mq/warren/internal/amqp/limit"
	"github.com/warren-mq/warren/internal/telemetry"
)

// shareGauges are the instruments for what the processes share: slots of limits, and partitions.
type shareGauges struct {
	held, waiting, partitions metric.Int64ObservableGauge
	waitTime                  metric.Float64Histogram
}

func (m *meter) newShareGauges() {
	m.shares = shareGauges{
		held:       m.unitGauge(telemetry.MetricLimitHeld, "{slot}", "slots of a limit that this process holds"),
		waiting:    m.gauge(telemetry.MetricLimitWaiting, "messages in this process that wait for a slot of a limit"),
		partitions: m.unitGauge(telemetry.MetricPartitions, "{partition}", "partitions of a queue that this process consumes"),
	}
	var err error
	m.shares.waitTime, err = m.meter.Float64Histogram(telemetry.MetricLimitWaitTime, metric.WithUnit("s"),
		metric.WithDescription("how long a message waited for a slot of a limit"), metric.WithExplicitBucketBoundaries(queueTimeBuckets()...))
	m.note(err)
}

func (g shareGauges) all() []metric.Observable {
	return []metric.Observable{g.held, g.waiting, g.partitions}
}

// observeLimits reports the use of the limits of w.
func (m *meter) observeLimits(o metric.Observer, w *Worker) {
	for _, s := range limit.Distinct(w.limits()) {
		u, attributes := w.connections.limits.Usage(s), limitAttribute(s.Label())
		o.ObserveInt64(m.shares.held, int64(u.Held), attributes)
		o.ObserveInt64(m.shares.waiting, int64(u.Waiting), attributes)
	}
}

// waitedForLimit records how long a message waited for a slot.
func (m *meter) waitedForLimit(label string, d time.Duration) {
	if ctx := context.Background(); m.shares.waitTime.Enabled(ctx) {
		m.shares.waitTime.Record(ctx, d.Seconds(), limitAttribute(label))
	}
}

func limitAttribute(label string) metric.MeasurementOption {
	return metric.WithAttributeSet(attribute.NewSet(telemetry.LimitKey.String(label)))
}
