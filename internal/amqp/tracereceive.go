package amqp

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/warren-mq/warren/internal/telemetry"
	"github.com/warren-mq/warren/message"
)

// ReceiveSpan is the wait for one reply being traced and measured.
type ReceiveSpan struct {
	tracer *Tracer
	ctx    context.Context
	span   trace.Span
	began  time.Time
}

// StartReceive begins the span of the wait for the reply with the correlation id.
func (t *Tracer) StartReceive(ctx context.Context, id string) ReceiveSpan {
	s := ReceiveSpan{tracer: t, ctx: ctx}
	if t.duration.Enabled(ctx) {
		s.began = time.Now()
	}
	if telemetry.Installed(t.provider) {
		_, s.span = t.tracer.Start(ctx, telemetry.ReceiveSpanName(ReplyTo), //nolint:spancheck // ended by End
			trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(telemetry.ReceiveAttributes(ReplyTo, id)...))
	}
	return s
}

// End links the span to the reply's creation context, if there is a reply, and ends it. err is
// why the call failed.
func (s ReceiveSpan) End(reply *message.Message, err error) {
	if s.span != nil {
		s.describe(reply, err)
		s.span.End()
	}
	if !s.began.IsZero() {
		s.tracer.duration.Record(s.ctx, time.Since(s.began).Seconds(),
			metric.WithAttributeSet(telemetry.MetricAttributes(telemetry.OperationReceive, ReplyTo, errorName(err))))
	}
}

func (s ReceiveSpan) describe(reply *message.Message, err error) {
	if reply != nil {
		s.span.SetAttributes(semconv.MessagingMessageBodySize(len(reply.Body)))
		if creation := telemetry.Creation(s.tracer.propagator, reply.Headers); creation.IsValid() {
			s.span.AddLink(trace.Link{SpanContext: creation})
		}
	}
	if err != nil {
		s.span.SetStatus(codes.Error, err.Error())
		s.span.SetAttributes(semconv.ErrorTypeKey.String(errorName(err)))
	}
}

// noteLate counts a reply whose call has ended.
func (t *Tracer) noteLate() { t.late.Add(context.Background(), 1) }
