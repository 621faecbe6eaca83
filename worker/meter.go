package worker

import (
	"context"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/warren-mq/warren/internal/telemetry"
	"github.com/warren-mq/warren/message"
)

// meter records metrics from events, in addition to the metrics of middleware.Metrics. Without an
// OpenTelemetry SDK it does nothing.
type meter struct {
	meter      metric.Meter
	settled    metric.Int64Counter
	retries    metric.Int64Counter
	dead       metric.Int64Counter
	handOffs   metric.Int64Counter
	isolated   metric.Int64Counter
	replies    metric.Int64Counter // not sent
	reconnects metric.Int64Counter
	consumed   metric.Int64Counter // middleware.Metrics counts; here it begins at 0
	delays     metric.Int64Counter // of failed publishes
	lateness   metric.Float64Histogram
	inHand     metric.Int64ObservableGauge
	waiting    metric.Int64ObservableGauge
	nextDue    metric.Float64ObservableGauge
	clockSkew  metric.Float64ObservableGauge
	overdue    metric.Int64ObservableGauge
	queueTime  metric.Float64Histogram
	queues     queueGauges
	shares     shareGauges
	throttles  throttleGauges
	err        error // of making the instruments; reported by Run
}

func newMeter(provider metric.MeterProvider) *meter {
	m := &meter{meter: telemetry.Meter(provider)}
	m.settled = m.counter(telemetry.MetricSettled, "{message}", "messages by their outcome")
	m.retries = m.counter(telemetry.MetricRetries, "{message}", "messages that are tried again later")
	m.dead = m.counter(telemetry.MetricDeadLettered, "{message}", "messages dead-lettered")
	m.handOffs = m.counter(telemetry.MetricHandOffFailures, "{attempt}", "copies that were not confirmed and are tried again")
	m.isolated = m.counter(telemetry.MetricIsolated, "{message}", "messages handled alone, because earlier deliveries had no outcome")
	m.replies = m.counter(telemetry.MetricReplyFailures, "{message}", "replies to requests that were not sent")
	m.reconnects = m.counter(telemetry.MetricReconnects, "{connection}", "connections lost")
	var err error
	m.consumed, err = telemetry.ConsumedMessages(m.meter)
	m.note(err)
	m.newDelays()
	m.inHand = m.gauge(telemetry.MetricInFlight, "messages in handlers, or whose copy is not confirmed yet")
	m.overdue = m.gauge(telemetry.MetricOverdue, "messages whose handler has not returned 5 s after its deadline")
	m.queueTime, err = m.meter.Float64Histogram(telemetry.MetricQueueTime, metric.WithUnit("s"),
		metric.WithDescription("time from the publish of a message to its handler, delays not included"), metric.WithExplicitBucketBoundaries(queueTimeBuckets()...))
	m.note(err)
	m.newQueueGauges()
	m.newShareGauges()
	m.newThrottleGauges()
	return m
}

// newDelays makes the instruments for parking queues.
func (m *meter) newDelays() {
	var err error
	m.delays = m.counter(telemetry.MetricDelayFailures, "{attempt}", "delayed messages that were not taken when they were due and are tried again")
	m.lateness, err = m.meter.Float64Histogram(telemetry.MetricDelayLateness, metric.WithUnit("s"),
		metric.WithDescription("how long after its due time a delayed message was published"), metric.WithExplicitBucketBoundaries(telemetry.Buckets()...))
	m.note(err)
	m.waiting = m.gauge(telemetry.MetricDelayWaiting, "delayed messages that this process holds, those in levels not included")
	m.nextDue, err = m.meter.Float64ObservableGauge(telemetry.MetricDelayNextDue, metric.WithUnit("s"),
		metric.WithDescription("time until the next delayed message is due; absent if none waits"))
	m.note(err)
	m.clockSkew, err = m.meter.Float64ObservableGauge(telemetry.MetricDelayClockSkew, metric.WithUnit("s"),
		metric.WithDescription("how far the clock of this machine is ahead of the publishers of delayed messages, the time of their way included"))
	m.note(err)
}

func (m *meter) counter(name, unit, description string) metric.Int64Counter {
	c, err := m.meter.Int64Counter(name, metric.WithUnit(unit), metric.WithDescription(description))
	m.note(err)
	return c
}

func (m *meter) gauge(name, description string) metric.Int64ObservableGauge {
	return m.unitGauge(name, "{message}", description)
}

func (m *meter) unitGauge(name, unit, description string) metric.Int64ObservableGauge {
	g, err := m.meter.Int64ObservableGauge(name, metric.WithUnit(unit), metric.WithDescription(description))
	m.note(err)
	return g
}

func (m *meter) note(err error) {
	if m.err == nil {
		m.err = err
	}
}

// observe begins the counters of w at 0 and reports the messages in hand until the
// returned function is called.
func (m *meter) observe(w *Worker) (stop func(), err error) {
	if m.err != nil {
		return nil, m.err
	}
	m.begin(w.queues)
	for _, p := range w.parkings {
		m.delays.Add(context.Background(), 0, metric.WithAttributes(queueAttribute(p.queue)))
	}
	r, err := m.meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		for _, q := range w.queues {
			queue := metric.WithAttributes(queueAttribute(q.config.Name))
			late, _ := q.overdue.count()
			o.ObserveInt64(m.inHand, q.inHandNow(), queue)
			o.ObserveInt64(m.overdue, int64(late), queue)
			m.observeQueue(o, q)
			m.observeThrottles(o, q)
		}
		for _, p := range w.parkings {
			if p.active.Load() { // another worker observes the same queue otherwise
				m.observeDelays(o, p)
			}
		}
		m.observeLimits(o, w)
		return nil
	}, append(slices.Concat(m.queues.all(), m.shares.all(), m.throttles.all()), m.inHand, m.overdue, m.waiting, m.nextDue, m.clockSkew)...)
	if err != nil {
		return nil, err
	}
	return func() {
		if err := r.Unregister(); err != nil {
			w.log.Warn("worker: metrics callback", "error", err)
		}
	}, nil
}

func (m *meter) observeDelays(o metric.Observer, p *parking) {
	queue := metric.WithAttributes(queueAttribute(p.queue))
	count, _ := p.keeper.Held()
	o.ObserveInt64(m.waiting, int64(count), queue)
	if due := p.keeper.NextDue(); !due.IsZero() {
		o.ObserveFloat64(m.nextDue, time.Until(due).Seconds(), queue)
	}
	if ahead, ok := p.keeper.Skew(); ok {
		o.ObserveFloat64(m.clockSkew, ahead.Seconds(), queue)
	}
}

// late records how late a delayed message was published.
func (m *meter) late(queue string, d time.Duration) {
	if ctx := context.Background(); m.lateness.Enabled(ctx) {
		m.lateness.Record(ctx, d.Seconds(), metric.WithAttributes(queueAttribute(queue)))
	}
}

func (m *meter) delayFailed(queue string) {
	m.delays.Add(context.Background(), 1, metric.WithAttributes(queueAttribute(queue)))
}

// begin adds 0 to every counter: a rate over the first failure is wrong where its series
// begins at 1.
func (m *meter) begin(queues []*Subscription) {
	ctx := context.Background()
	for _, role := range []string{roleConsume, rolePublish} {
		m.reconnects.Add(ctx, 0, metric.WithAttributes(telemetry.ConnectionKey.String(role)))
	}
	for _, q := range queues {
		name := q.config.Name
		m.handOffs.Add(ctx, 0, metric.WithAttributes(queueAttribute(name)))
		m.isolated.Add(ctx, 0, metric.WithAttributes(queueAttribute(name)))
		m.replies.Add(ctx, 0, metric.WithAttributes(queueAttribute(name)))
		m.consumed.Add(ctx, 0, metric.WithAttributeSet(telemetry.MetricAttributes(telemetry.OperationProcess, name, "")))
		for _, pattern := range q.mux.Patterns() {
			m.beginHandler(ctx, name, pattern)
		}
	}
}

func (m *meter) beginHandler(ctx context.Context, queue, pattern string) {
	for v := Ack; v <= Release; v++ {
		m.settled.Add(ctx, 0, outcomeOf(queue, pattern, v))
	}
	m.retries.Add(ctx, 0, reasonOf(queue, pattern, "")) // a snooze
	for _, reason := range reasons() {
		m.retries.Add(ctx, 0, reasonOf(queue, pattern, reason))
		m.dead.Add(ctx, 0, reasonOf(queue, pattern, reason))
	}
}

func reasons() []string {
	return []string{
		message.ReasonError, message.ReasonPanic, message.ReasonTimeout, message.ReasonPermanent,
		message.ReasonDecode, message.ReasonInvalid, message.ReasonUnhandled,
	}
}

func queueAttribute(name string) attribute.KeyValue {
	return semconv.MessagingDestinationName(name)
}

func outcomeOf(queue, pattern string, v Verdict) metric.MeasurementOption {
	return metric.WithAttributes(queueAttribute(queue), telemetry.HandlerKey.String(pattern), telemetry.OutcomeKey.String(v.String()))
}

func reasonOf(queue, pattern, reason string) metric.MeasurementOption {
	return metric.WithAttributes(queueAttribute(queue), telemetry.HandlerKey.String(pattern), telemetry.ReasonKey.String(reason))
}

func (m *meter) count(e Event) {
	ctx := context.Background()
	switch e := e.(type) {
	case HandOffFailed:
		m.handOffs.Add(ctx, 1, metric.WithAttributes(queueAttribute(e.Queue)))
	case Isolated:
		m.isolated.Add(ctx, 1, metric.WithAttributes(queueAttribute(e.Queue)))
	case ReplyFailed:
		m.replies.Add(ctx, 1, metric.WithAttributes(queueAttribute(e.Queue)))
	case SessionDown:
		m.reconnects.Add(ctx, 1, metric.WithAttributes(telemetry.ConnectionKey.String(e.Role)))
	}
}

func (m *meter) countSettled(ctx context.Context, e Settled) {
	if !m.settled.Enabled(ctx) {
		return
	}
	m.settled.Add(ctx, 1, outcomeOf(e.Queue, e.Handler, e.Outcome.Verdict))
	switch e.Outcome.Verdict {
	case Retry:
		m.retries.Add(ctx, 1, reasonOf(e.Queue, e.Handler, e.Outcome.Reason))
	case DeadLetter:
		m.dead.Add(ctx, 1, reasonOf(e.Queue, e.Handler, e.Outcome.Reason))
	default:
	}
}
