package middleware_test

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/middleware"
)

// Programs set the global provider of OpenTelemetry and need no option.
func ExampleTrace() {
	spans := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
	h := middleware.Trace(middleware.TraceConfig{TracerProvider: provider})(
		handler.Func(func(context.Context, *message.Message) error { return nil }))

	m := &message.Message{Queue: "welcome-email", Headers: message.Headers{
		"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
	}}
	fmt.Println(h.Handle(context.Background(), m))
	span := spans.Ended()[0]
	fmt.Println(span.SpanKind(), span.Name(), "in trace", span.SpanContext().TraceID())
	// Output:
	// <nil>
	// consumer process welcome-email in trace 0af7651916cd43dd8448eb211c80319c
}

// Work that takes longer than ten seconds wants boundaries of its own.
func ExampleMetrics() {
	reader := metric.NewManualReader()
	provider := metric.NewMeterProvider(metric.WithReader(reader))
	h := middleware.Metrics(middleware.MetricsConfig{MeterProvider: provider, Buckets: []float64{1, 10, 60, 600}})(
		handler.Func(func(context.Context, *message.Message) error { return nil }))
	fmt.Println(h.Handle(context.Background(), &message.Message{Queue: "reports"}))

	var data metricdata.ResourceMetrics
	fmt.Println(reader.Collect(context.Background(), &data))
	for _, m := range data.ScopeMetrics[0].Metrics {
		fmt.Println(m.Name, m.Unit)
	}
	// Unordered output:
	// <nil>
	// <nil>
	// messaging.client.consumed.messages {message}
	// messaging.process.duration s
}
