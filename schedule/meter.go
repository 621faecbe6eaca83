package schedule

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/warren-mq/warren/internal/telemetry"
)

// meter records metrics of a scheduler. Without an OpenTelemetry SDK it does nothing.
type meter struct {
	group     string
	published metric.Int64Counter
	failed    metric.Int64Counter
	missed    metric.Int64Counter
	last      metric.Float64Gauge
	leader    metric.Int64ObservableGauge
	leads     atomic.Int64 // 1 or 0
	meter     metric.Meter
}

func newMeter(c Config) (*meter, error) {
	source := telemetry.Meter(c.Broker.MeterProvider)
	m := &meter{group: c.Name, meter: source}
	var errs []error
	counter := func(name, unit, description string) metric.Int64Counter {
		i, err := source.Int64Counter(name, metric.WithUnit(unit), metric.WithDescription(description))
		errs = append(errs, err)
		return i
	}
	m.published = counter(telemetry.MetricTicks, "{tick}", "ticks that were published")
	m.failed = counter(telemetry.MetricTicksFailed, "{tick}", "ticks that could not be published and are tried again")
	m.missed = counter(telemetry.MetricTicksMissed, "{run}", "runs of missed ticks that the policy has dropped")
	var err error
	m.last, err = source.Float64Gauge(telemetry.MetricLastTick, metric.WithUnit("s"), metric.WithDescription("the last tick that this process has published, in seconds since 1970"))
	errs = append(errs, err)
	m.leader, err = source.Int64ObservableGauge(telemetry.MetricLeader, metric.WithUnit("{leader}"), metric.WithDescription("1 if this process leads its group, 0 if it does not"))
	if err := errors.Join(append(errs, err)...); err != nil {
		return nil, fmt.Errorf("schedule: metrics: %w", err)
	}
	return m, nil
}

// begin adds 0 to every counter: a rate over the first failure is wrong where its series
// begins at 1.
func (m *meter) begin(entries []Entry) {
	for _, e := range entries {
		for _, c := range []metric.Int64Counter{m.published, m.failed, m.missed} {
			c.Add(context.Background(), 0, m.of(e.Name))
		}
	}
}

// observe reports whether the process leads until the returned function is called. A group whose
// schedulers have stopped has no value: 0 means that a leader is missing.
func (m *meter) observe() (stop func() error, err error) {
	r, err := m.meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		o.ObserveInt64(m.leader, m.leads.Load(), metric.WithAttributes(m.groupAttribute()))
		return nil
	}, m.leader)
	if err != nil {
		return nil, fmt.Errorf("schedule: metrics: %w", err)
	}
	return r.Unregister, nil
}

func (m *meter) groupAttribute() attribute.KeyValue { return telemetry.GroupKey.String(m.group) }

func (m *meter) of(entry string) metric.MeasurementOption {
	return metric.WithAttributes(m.groupAttribute(), telemetry.EntryKey.String(entry))
}

func (m *meter) count(e Event) {
	ctx := context.Background()
	switch e := e.(type) {
	case Published:
		m.published.Add(ctx, 1, m.of(e.Entry))
		m.last.Record(ctx, float64(e.Tick.UnixMilli())/1e3, m.of(e.Entry))
	case Failed:
		m.failed.Add(ctx, 1, m.of(e.Entry))
	case Missed:
		m.missed.Add(ctx, 1, m.of(e.Entry))
	case Changed:
		leads := int64(0)
		if e.Role == RoleLeader {
			leads = 1
		}
		m.leads.Store(leads)
	}
}
