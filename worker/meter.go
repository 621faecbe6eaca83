package worker

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/warren-mq/warren/telemetry"
)

// meter turns events into metrics, beside those of middleware.Metrics. Without an
// OpenTelemetry SDK it costs nothing.
type meter struct {
	meter      metric.Meter
	settled    metric.Int64Counter
	retries    metric.Int64Counter
	dead       metric.Int64Counter
	handOffs   metric.Int64Counter
	reconnects metric.Int64Counter
	inHand     metric.Int64ObservableGauge
	err        error // of making the instruments; reported by Run
}

func newMeter() *meter {
	m := &meter{meter: telemetry.Meter(nil)}
	m.settled = m.counter("worker.settled", "{message}", "messages by what became of them")
	m.retries = m.counter("worker.retries", "{message}", "messages put on the delay ladder")
	m.dead = m.counter("worker.dead_lettered", "{message}", "messages given up on")
	m.handOffs = m.counter("worker.hand_off.failures", "{attempt}", "copies that were not confirmed and are tried again")
	m.reconnects = m.counter("worker.reconnects", "{connection}", "connections lost")
	var err error
	m.inHand, err = m.meter.Int64ObservableGauge("worker.inflight", metric.WithUnit("{message}"),
		metric.WithDescription("messages being handled"))
	m.note(err)
	return m
}

func (m *meter) counter(name, unit, description string) metric.Int64Counter {
	c, err := m.meter.Int64Counter(name, metric.WithUnit(unit), metric.WithDescription(description))
	m.note(err)
	return c
}

func (m *meter) note(err error) {
	if m.err == nil {
		m.err = err
	}
}

// observe reports the messages in hand until the returned function is called.
func (m *meter) observe(w *Worker) (stop func(), err error) {
	if m.err != nil {
		return nil, m.err
	}
	r, err := m.meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		for _, q := range w.queues {
			o.ObserveInt64(m.inHand, q.busy.Load(), metric.WithAttributes(queueAttribute(q.config.Name)))
		}
		return nil
	}, m.inHand)
	if err != nil {
		return nil, err
	}
	return func() {
		if err := r.Unregister(); err != nil {
			w.log.Warn("worker: metrics callback", "error", err)
		}
	}, nil
}

func queueAttribute(name string) attribute.KeyValue {
	return semconv.MessagingDestinationName(name)
}

func (m *meter) count(e Event) {
	ctx := context.Background()
	switch e := e.(type) {
	case Settled:
		m.countSettled(ctx, e)
	case HandOffFailed:
		m.handOffs.Add(ctx, 1, metric.WithAttributes(queueAttribute(e.Queue)))
	case SessionDown:
		m.reconnects.Add(ctx, 1, metric.WithAttributes(attribute.String("worker.connection", e.Role)))
	}
}

func (m *meter) countSettled(ctx context.Context, e Settled) {
	if !m.settled.Enabled(ctx) {
		return
	}
	queue := queueAttribute(e.Queue)
	m.settled.Add(ctx, 1, metric.WithAttributes(queue, attribute.String("worker.outcome", e.Outcome.Verdict.String())))
	reason := metric.WithAttributes(queue, attribute.String("worker.reason", e.Outcome.Reason))
	switch e.Outcome.Verdict {
	case Retry:
		m.retries.Add(ctx, 1, reason)
	case DeadLetter:
		m.dead.Add(ctx, 1, reason)
	default:
	}
}
