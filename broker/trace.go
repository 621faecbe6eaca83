package broker

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

	"github.com/warren-mq/warren/telemetry"
)

// tracer makes a span and the measurements of each publish, and puts the trace
// into the message's headers. Without an OpenTelemetry SDK it does the last only.
type tracer struct {
	provider   trace.TracerProvider
	propagator propagation.TextMapPropagator
	tracer     trace.Tracer
	sent       metric.Int64Counter
	duration   metric.Float64Histogram
}

func newTracer(cfg Config) *tracer {
	meter := telemetry.Meter(cfg.MeterProvider)
	sent, err := telemetry.SentMessages(meter)
	report(err)
	duration, err := telemetry.OperationDuration(meter)
	report(err)
	return &tracer{
		provider: cfg.TracerProvider, propagator: cfg.Propagator,
		tracer: telemetry.Tracer(cfg.TracerProvider), sent: sent, duration: duration,
	}
}

// report tells of an instrument that could not be made; publishing goes on.
func report(err error) {
	if err != nil {
		otel.Handle(err)
	}
}

// publishSpan is one publish being traced and measured.
type publishSpan struct {
	tracer   *tracer
	ctx      context.Context
	span     trace.Span
	exchange string
	began    time.Time
}

func (t *tracer) start(ctx context.Context, o *outgoing) (context.Context, publishSpan) {
	s := publishSpan{tracer: t, exchange: o.message.Exchange}
	if t.duration.Enabled(ctx) || t.sent.Enabled(ctx) {
		s.began = time.Now()
	}
	if telemetry.Installed(t.provider) {
		ctx, s.span = t.tracer.Start( //nolint:spancheck // ended by end
			ctx, telemetry.PublishSpanName(o.message.Exchange), trace.WithSpanKind(trace.SpanKindProducer),
			trace.WithAttributes(telemetry.PublishAttributes(o.message.Exchange, o.key, &o.message)...))
	}
	s.ctx = ctx
	o.inject(ctx, t.propagator)
	return ctx, s
}

// inject adds the trace context, unless the caller has given one.
func (o *outgoing) inject(ctx context.Context, p propagation.TextMapPropagator) {
	telemetry.Propagator(p).Inject(ctx, (*headerCarrier)(o))
}

// headerCarrier takes trace context into the headers of an outgoing message.
type headerCarrier outgoing

func (c *headerCarrier) Get(key string) string { return c.message.Headers.String(key) }

func (c *headerCarrier) Set(key, value string) {
	if _, given := c.message.Headers[key]; !given {
		(*outgoing)(c).header(key, value)
	}
}

func (c *headerCarrier) Keys() []string { return slices.Sorted(maps.Keys(c.message.Headers)) }

func (s publishSpan) end(err error) {
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
