// Package telemetry defines all OpenTelemetry names that Warren uses, which are the names
// of the semantic conventions for messaging and RabbitMQ, version 1.43.0, and the carrier
// of trace context in message headers.
//
// It needs only the OpenTelemetry API. If the program has no SDK, the package has no
// effect, and Installed lets hot paths skip its calls.
package telemetry

import (
	"reflect"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// Scope is the name of the instrumentation scope.
const Scope = "github.com/warren-mq/warren"

// Tracer returns the tracer of provider, or of the global provider if it is nil.
func Tracer(provider trace.TracerProvider) trace.Tracer {
	if provider == nil {
		provider = otel.GetTracerProvider()
	}
	return provider.Tracer(Scope, trace.WithSchemaURL(semconv.SchemaURL))
}

// Meter returns the meter of provider, or of the global provider if it is nil.
func Meter(provider metric.MeterProvider) metric.Meter {
	if provider == nil {
		provider = otel.GetMeterProvider()
	}
	return provider.Meter(Scope, metric.WithSchemaURL(semconv.SchemaURL))
}

// Installed reports whether spans of provider, or of the global provider if it is nil, can
// be recorded. It is false for the no-op provider, and for the global provider until the
// program sets one. It is cheap and does not allocate. Call it for each message, because an
// SDK may be installed late.
func Installed(provider trace.TracerProvider) bool {
	global := otel.GetTracerProvider()
	if provider == nil {
		provider = global
	}
	switch packageOf(provider) {
	case noopTrace:
		return false
	case unset: // forwards to the provider that is set later
		return packageOf(global) != unset
	}
	return true
}

// Propagator returns p, or the global propagator if p is nil, or W3C Trace Context with
// Baggage if the program has set no global one. A program that wants no propagation sets an
// empty composite. Propagator is cheap, so call it for each message.
func Propagator(p propagation.TextMapPropagator) propagation.TextMapPropagator {
	if p != nil {
		return p
	}
	if p = otel.GetTextMapPropagator(); packageOf(p) != unset {
		return p
	}
	return w3c
}

var w3c = propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})

// The API cannot report whether a global has been set, so packageOf checks the package of
// its type. If these packages move, the cost is a few allocations.
const (
	unset     = "go.opentelemetry.io/otel/internal/global"
	noopTrace = "go.opentelemetry.io/otel/trace/noop"
)

func packageOf(v any) string {
	t := reflect.TypeOf(v)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.PkgPath()
}
