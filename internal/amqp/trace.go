package amqp

import (
	"context"
	"maps"
	"slices"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/warren-mq/warren/internal/telemetry"
	"github.com/warren-mq/warren/message"
)

// Tracer makes a span and the measurements for each publish, and writes the trace context
// into the message's headers. Without an OpenTelemetry SDK it only writes the trace
// context.
type Tracer struct {
	provider   trace.TracerProvider
	propagator propagation.TextMapPropagator
	tracer     trace.Tracer
	sent       metric.Int64Counter
	duration   metric.Float64Histogram
	late       metric.Int64Counter
}

// NewTracer returns a tracer with the providers of cfg.
func NewTracer(cfg Config) *Tracer {
	meter := telemetry.Meter(cfg.MeterProvider)
	sent, err := telemetry.SentMessages(meter)
	report(err)
	duration, err := telemetry.OperationDuration(meter)
	report(err)
	late, err := meter.Int64Counter(telemetry.MetricLateReplies, metric.WithUnit("{message}"),
		metric.WithDescription("replies that were dropped, because their calls had ended"))
	report(err)
	return &Tracer{
		provider: cfg.TracerProvider, propagator: cfg.Propagator,
		tracer: telemetry.Tracer(cfg.TracerProvider), sent: sent, duration: duration, late: late,
	}
}

// report passes the error of an instrument that could not be made to OpenTelemetry.
// Publishing continues.
func report(err error) {
	if err != nil {
		otel.Handle(err)
	}
}

// PublishSpan is one publish being traced and measured.
type PublishSpan struct {
	tracer   *Tracer
	ctx      context.Context
	span     trace.Span
	exchange string
	began    time.Time
}

// Start begins the span of a publish of m, and writes the trace context into its headers.
func (t *Tracer) Start(ctx context.Context, m *message.Message) (context.Context, PublishSpan) {
	s := PublishSpan{tracer: t, exchange: m.Exchange}
	if t.duration.Enabled(ctx) || t.sent.Enabled(ctx) {
		s.began = time.Now()
	}
	if telemetry.Installed(t.provider) {
		ctx, s.span = t.tracer.Start( //nolint:spancheck // ended by end
			ctx, telemetry.PublishSpanName(m.Exchange), trace.WithSpanKind(trace.SpanKindProducer),
			trace.WithAttributes(telemetry.PublishAttributes(m.Exchange, m.RoutingKey, m)...))
	}
	s.ctx = ctx
	telemetry.Propagator(t.propagator).Inject(ctx, (*headerCarrier)(m)) // keeps a context that the caller has set
	return ctx, s
}

// StartPublish starts the span of a message that the session publishes without a Publisher.
func (s *Session) StartPublish(ctx context.Context, m *message.Message) (context.Context, PublishSpan) {
	return s.tracer.Start(ctx, m)
}

// headerCarrier writes trace context into the headers of a message.
type headerCarrier message.Message

func (c *headerCarrier) Get(key string) string { return c.Headers.String(key) }

func (c *headerCarrier) Set(key, value string) {
	if _, given := c.Headers[key]; given {
		return
	}
	if c.Headers == nil {
		c.Headers = make(message.Headers)
	}
	c.Headers[key] = value
}

func (c *headerCarrier) Keys() []string { return slices.Sorted(maps.Keys(c.Headers)) }

// End ends the span and records the publish, which failed if err is not nil.
func (s PublishSpan) End(err error) {
	if s.span != nil {
		if err != nil {
			s.span.SetStatus(codes.Error, err.Error())
			s.span.SetAttributes(semconv.ErrorTypeKey.String(errorName(err)))
		}
		s.span.End()
	}
	if s.began.IsZero() {
		return
	}
	attrs := metric.WithAttributeSet(telemetry.MetricAttributes(telemetry.OperationPublish, s.exchange, errorName(err)))
	s.tracer.sent.Add(s.ctx, 1, attrs)
	s.tracer.duration.Record(s.ctx, time.Since(s.began).Seconds(), attrs)
}
