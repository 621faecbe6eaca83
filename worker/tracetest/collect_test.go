package tracetest_test

import (
	"fmt"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/warren-mq/warren/internal/telemetry"
)

// collect returns what reader has of the queue, and of the limit with the same name, by name and
// outcome or reason.
func collect(t *testing.T, reader metric.Reader, queue string) map[string]float64 {
	t.Helper()
	var data metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &data); err != nil {
		t.Fatal(err)
	}
	got := make(map[string]float64)
	add := func(name string, attrs attribute.Set, v float64) {
		of, _ := attrs.Value(semconv.MessagingDestinationNameKey)
		limit, isLimit := attrs.Value(telemetry.LimitKey)
		if !isLimit && of.AsString() != queue || isLimit && limit.AsString() != queue {
			return
		}
		for _, key := range []attribute.Key{telemetry.OutcomeKey, telemetry.ReasonKey, telemetry.StateKey} {
			if detail, ok := attrs.Value(key); ok {
				name = fmt.Sprint(name, " ", detail.AsString())
			}
		}
		got[name] += v
	}
	for _, scope := range data.ScopeMetrics {
		for _, m := range scope.Metrics {
			switch d := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range d.DataPoints {
					add(m.Name, p.Attributes, float64(p.Value))
				}
			case metricdata.Gauge[int64]:
				for _, p := range d.DataPoints {
					add(m.Name, p.Attributes, float64(p.Value))
				}
			case metricdata.Histogram[float64]:
				for _, p := range d.DataPoints {
					add(m.Name, p.Attributes, float64(p.Count))
				}
			}
		}
	}
	return got
}

// reconnects returns the connections that were lost, by their role.
func reconnects(t *testing.T, reader metric.Reader) map[string]int64 {
	t.Helper()
	var data metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &data); err != nil {
		t.Fatal(err)
	}
	got := make(map[string]int64)
	for _, scope := range data.ScopeMetrics {
		for _, m := range scope.Metrics {
			sum, ok := m.Data.(metricdata.Sum[int64])
			if !ok || m.Name != telemetry.MetricReconnects {
				continue
			}
			for _, p := range sum.DataPoints {
				role, _ := p.Attributes.Value(telemetry.ConnectionKey)
				got[role.AsString()] += p.Value
			}
		}
	}
	return got
}
