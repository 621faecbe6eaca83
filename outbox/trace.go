package outbox

import (
	"context"

	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/warren-mq/warren/internal/telemetry"
	"github.com/warren-mq/warren/message"
)

// traced starts the span of a publish, as a child of the span in which the message was
// written. Consumers get the latter as the message's origin, because its headers stay
// unchanged.
func (r *Relay) traced(ctx context.Context, m *message.Message) (within context.Context, end func(error)) {
	c := r.config.Broker
	if !telemetry.Installed(c.TracerProvider) {
		return ctx, func(error) {}
	}
	ctx = telemetry.Propagator(c.Propagator).Extract(ctx, telemetry.Carrier(m.Headers))
	ctx, span := telemetry.Tracer(c.TracerProvider).Start(ctx, //nolint:spancheck // ended by end
		telemetry.PublishSpanName(m.Exchange),
		trace.WithSpanKind(trace.SpanKindProducer),
		trace.WithAttributes(telemetry.PublishAttributes(m.Exchange, m.RoutingKey, m)...))
	return ctx, func(err error) { //nolint:spancheck // as above
		if err != nil {
			span.SetStatus(codes.Error, err.Error())
			span.SetAttributes(semconv.ErrorTypeKey.String(telemetry.ErrorType(err)))
		}
		span.End()
	}
}
