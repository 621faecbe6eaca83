package telemetry

import (
	"context"
	"maps"
	"slices"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/warren-mq/warren/message"
)

// Carrier takes trace context through message headers, as a
// propagation.TextMapCarrier. Set writes to the headers it was made from: inject
// into a copy of what a caller owns. It must not be nil to be written to.
type Carrier message.Headers

var _ propagation.TextMapCarrier = Carrier(nil)

// Get returns the header's text, or "". Some clients write text as byte arrays.
func (c Carrier) Get(key string) string { return message.Headers(c).String(key) }

// Set sets the header.
func (c Carrier) Set(key, value string) { c[key] = value }

// Keys returns the names of all headers, sorted.
func (c Carrier) Keys() []string { return slices.Sorted(maps.Keys(c)) }

// SpanContext returns the span context of a W3C traceparent, such as that of the attempt
// that failed last. It is not valid if traceparent is not.
func SpanContext(traceparent string) trace.SpanContext {
	if traceparent == "" {
		return trace.SpanContext{}
	}
	ctx := propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{"traceparent": traceparent})
	return trace.SpanContextFromContext(ctx)
}
