package middleware

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/internal/telemetry"
	"github.com/warren-mq/warren/message"
)

// TraceConfig configures Trace. The zero value uses OpenTelemetry's global provider and
// propagator.
type TraceConfig struct {
	TracerProvider trace.TracerProvider // makes the spans; nil means the global provider
	// Propagator reads the creation context. Nil means the global propagator or, if the
	// program has set none, W3C Trace Context with Baggage.
	Propagator propagation.TextMapPropagator
	LinkOnly   bool                 // link each span to the creation context, and begin a trace for each attempt
	Attributes []attribute.KeyValue // set on every span
}

type tracing struct {
	TraceConfig
	tracer trace.Tracer
}

// Trace runs each message in a CONSUMER span "process {queue}", by OpenTelemetry's
// conventions for messaging. The trace context in the message's headers becomes the parent
// of the span and is linked as well; a span that is already in the context stays the parent.
// A retry is linked to the attempt before it. The handler's context carries the span and the
// baggage. The handler's error sets the span's status and error.type.
//
// A worker traces by itself. A Trace inside another one, for the same message, adds its
// attributes to the span that is there.
//
// Without an SDK no span is made, but the handler's context still carries the trace context
// of the headers.
func Trace(c TraceConfig) handler.Middleware {
	t := &tracing{c, telemetry.Tracer(c.TracerProvider)}
	return func(next handler.Handler) handler.Handler {
		return handler.Func(func(ctx context.Context, m *message.Message) error {
			return t.handle(ctx, next, m)
		})
	}
}

func (t *tracing) handle(ctx context.Context, next handler.Handler, m *message.Message) error {
	if covered(ctx, traced, m) {
		trace.SpanFromContext(ctx).SetAttributes(t.Attributes...)
		return next.Handle(ctx, m)
	}
	ctx, creation := t.extract(ctx, m)
	if !telemetry.Installed(t.TracerProvider) {
		return next.Handle(ctx, m)
	}
	ctx, span := t.tracer.Start(ctx, telemetry.ProcessSpanName(m.Queue), t.options(ctx, creation, m)...)
	defer span.End()
	ctx = withCover(ctx, traced, m)
	return watch(ctx, next, m, func(err error) { conclude(span, err) })
}

// extract returns ctx with the trace context and baggage of the headers, and the creation
// context of the message, which may be invalid. A span that is already in ctx stays there.
func (t *tracing) extract(ctx context.Context, m *message.Message) (context.Context, trace.SpanContext) {
	if len(m.Headers) == 0 {
		return ctx, trace.SpanContext{}
	}
	ambient := trace.SpanFromContext(ctx)
	inner := telemetry.Propagator(t.Propagator).Extract(ctx, telemetry.Carrier(m.Headers))
	creation := trace.SpanContextFromContext(inner)
	if !ambient.SpanContext().IsValid() {
		return inner, creation
	}
	if creation.Equal(ambient.SpanContext()) {
		return inner, trace.SpanContext{}
	}
	return trace.ContextWithSpan(inner, ambient), creation
}

func (t *tracing) options(ctx context.Context, creation trace.SpanContext, m *message.Message) []trace.SpanStartOption {
	attrs := append(telemetry.ProcessAttributes(m), t.Attributes...)
	opts := make([]trace.SpanStartOption, 0, 5)
	opts = append(opts, trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(attrs...))
	if creation.IsValid() {
		opts = append(opts, trace.WithLinks(trace.Link{SpanContext: creation}))
		if t.LinkOnly && trace.SpanContextFromContext(ctx).Equal(creation) {
			opts = append(opts, trace.WithNewRoot())
		}
	}
	if _, retried := m.Headers[record.HeaderAttempt]; retried {
		if previous := telemetry.SpanContext(m.Headers.String(record.HeaderTrace)); previous.IsValid() && !previous.Equal(creation) {
			opts = append(opts, trace.WithLinks(trace.Link{SpanContext: previous}))
		}
	}
	return opts
}

func conclude(span trace.Span, err error) {
	if failed(err) && span.IsRecording() {
		span.SetStatus(codes.Error, err.Error())
		span.SetAttributes(semconv.ErrorTypeKey.String(telemetry.ErrorType(err)))
	}
}
