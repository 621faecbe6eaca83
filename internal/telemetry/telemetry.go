// Package telemetry is the one place of the OpenTelemetry names Warren uses: those
// of the semantic conventions for messaging and RabbitMQ, version 1.43.0, and the
// carrier that takes trace context through message headers.
//
// It needs the OpenTelemetry API alone. Without an SDK in the program all of it
// does nothing, and Installed lets hot paths skip even that.
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

// Installed says whether spans of provider, or of the global provider if it is
// nil, can come to anything. It is false for the no-op provider, and for the
// global one as long as the program has set none. It is cheap and does not
// allocate, so ask for each message: an SDK may be installed late.
func Installed(provider trace.TracerProvider) bool {
	global := otel.GetTracerProvider()
	if provider == nil {
		provider = global
	}
	switch packageOf(provider) {
	case noopTrace:
		return false
	case unset: // it forwards to the one that is set later
		return packageOf(global) != unset
	}
	return true
}

// Propagator returns p, or the global propagator if p is nil, or W3C Trace Context
// with Baggage if the program has set no global one. A program that wants none
// sets an empty composite. Ask for each message: it is cheap.
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

// The API has no way to ask whether a global has been set; where its type comes
// from tells. If that ever moves, what is lost is a few allocations.
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
