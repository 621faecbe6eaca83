package tracetest_test

import (
	"fmt"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// collect returns what was measured for the queue, by name and outcome or reason.
func collect(t *testing.T, queue string) map[string]float64 {
	t.Helper()
	var data metricdata.ResourceMetrics
	if err := measured.Collect(t.Context(), &data); err != nil {
		t.Fatal(err)
	}
	got := make(map[string]float64)
	add := func(name string, attrs attribute.Set, v float64) {
		if of, _ := attrs.Value(semconv.MessagingDestinationNameKey); of.AsString() != queue {
			return
		}
		for _, key := range []attribute.Key{"worker.outcome", "worker.reason"} {
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
