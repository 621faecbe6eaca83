package telemetry

import (
	"context"
	"maps"
	"slices"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/warren-mq/warren/message"
)

// Carrier carries trace context in message headers, as a propagation.TextMapCarrier. Set
// writes to the headers that the Carrier was made from, so inject into a copy of headers
// that a caller owns. A nil Carrier cannot be written to.
type Carrier message.Headers

var _ propagation.TextMapCarrier = Carrier(nil)

// Get returns the header's text, or "". It accepts byte arrays, because some clients write
// text as byte arrays.
func (c Carrier) Get(key string) string { return message.Headers(c).String(key) }

// Set sets the header.
func (c Carrier) Set(key, value string) { c[key] = value }

// Keys returns the names of all headers, sorted.
func (c Carrier) Keys() []string { return slices.Sorted(maps.Keys(c)) }

// SpanContext returns the span context of a W3C traceparent, such as the traceparent of the
// attempt that failed last. It is invalid if traceparent is invalid.
func SpanContext(traceparent string) trace.SpanContext {
	if traceparent == "" {
		return trace.SpanContext{}
	}
	ctx := propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{"traceparent": traceparent})
	return trace.SpanContextFromContext(ctx)
}

// Creation returns the trace context in the headers of a message, as p reads it: see
// Propagator. It is invalid if there is none.
func Creation(p propagation.TextMapPropagator, h message.Headers) trace.SpanContext {
	if len(h) == 0 {
		return trace.SpanContext{}
	}
	return trace.SpanContextFromContext(Propagator(p).Extract(context.Background(), Carrier(h)))
}

// Within returns the context for a log line about one message, from which the log's handler
// reads the trace.
func Within(span trace.SpanContext) context.Context {
	return trace.ContextWithSpanContext(context.Background(), span)
}
