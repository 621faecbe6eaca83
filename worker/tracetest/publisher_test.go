package tracetest_test

import (
	"testing"

	"go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/internal/telemetry"
)

// TestALonePublisherUsesTheProvidersOfItsConfig and not the global ones.
func TestALonePublisherUsesTheProvidersOfItsConfig(t *testing.T) {
	t.Parallel()
	url := rabbit.URL(t)
	ch, exchange, queue := rabbit.Channel(t, url), rabbit.Queue(t)+"-events", rabbit.Queue(t)
	if err := ch.ExchangeDeclare(exchange, "fanout", false, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ch.ExchangeDelete(exchange, false, false); err != nil {
			t.Error(err)
		}
	})
	if _, err := ch.QueueDeclare(queue, false, true, true, false, nil); err != nil {
		t.Fatal(err)
	}
	if err := ch.QueueBind(queue, "", exchange, false, nil); err != nil {
		t.Fatal(err)
	}
	made, reader := tracetest.NewSpanRecorder(), metric.NewManualReader()
	pub := broker.NewPublisher(broker.Config{
		URL: url, TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(made)),
		MeterProvider: metric.NewMeterProvider(metric.WithReader(reader)),
	}, exchange)
	if err := pub.Publish(t.Context(), "key", 1); err != nil {
		t.Error(err)
	}
	if err := pub.Close(); err != nil {
		t.Error(err)
	}
	name := telemetry.PublishSpanName(exchange)
	if ended := made.Ended(); len(ended) != 1 || ended[0].Name() != name {
		t.Errorf("the provider given has %d spans, want one named %q", len(ended), name)
	}
	if n := len(of(name)); n != 0 {
		t.Errorf("the global provider got %d spans, want none", n)
	}
	if n := collect(t, reader, exchange)[telemetry.MetricSentMessages]; n != 1 {
		t.Errorf("the provider given counts %v messages, want 1", n)
	}
	if got := collect(t, measured, exchange); len(got) != 0 {
		t.Errorf("the global provider got %v, want nothing of the exchange", got)
	}
}
