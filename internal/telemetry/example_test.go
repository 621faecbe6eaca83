package telemetry_test

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/warren-mq/warren/internal/telemetry"
	"github.com/warren-mq/warren/message"
)

// A publisher injects into the headers; the consumer extracts from them.
func ExampleCarrier() {
	p := propagation.TraceContext{}
	sent := trace.ContextWithSpanContext(context.Background(), trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2},
	}))
	headers := message.Headers{}
	p.Inject(sent, telemetry.Carrier(headers))
	fmt.Println(headers["traceparent"])

	got := p.Extract(context.Background(), telemetry.Carrier(headers))
	fmt.Println(trace.SpanContextFromContext(got).TraceID())
	// Output:
	// 00-01000000000000000000000000000000-0200000000000000-00
	// 01000000000000000000000000000000
}

func ExampleDestinationName() {
	fmt.Println(telemetry.DestinationName("events", "user.signed_up", ""))
	fmt.Println(telemetry.DestinationName("events", "user.signed_up", "welcome-email"))
	// Output:
	// events:user.signed_up
	// events:user.signed_up:welcome-email
}
