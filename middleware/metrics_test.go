package middleware_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/middleware"
	"github.com/warren-mq/warren/retry"
)

// collected is what was measured, a line for each series: name, attributes, count,
// and for histograms the sum and the last boundary.
func collected(t *testing.T, reader metric.Reader) string {
	t.Helper()
	var data metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &data); err != nil {
		t.Fatal(err)
	}
	lines := map[string]bool{}
	text := func(s attribute.Set) string { return s.Encoded(attribute.DefaultEncoder()) }
	for _, scope := range data.ScopeMetrics {
		for _, m := range scope.Metrics {
			switch d := m.Data.(type) {
			case metricdata.Histogram[float64]:
				for _, p := range d.DataPoints {
					lines[fmt.Sprintf("%s{%s} %d %v %v", m.Name, text(p.Attributes), p.Count, p.Sum, p.Bounds[len(p.Bounds)-1])] = true
				}
			case metricdata.Sum[int64]:
				for _, p := range d.DataPoints {
					lines[fmt.Sprintf("%s{%s} %d", m.Name, text(p.Attributes), p.Value)] = true
				}
			}
		}
	}
	return strings.Join(slices.Sorted(maps.Keys(lines)), "\n")
}

func TestMetricsMeasureEachMessage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		reader := metric.NewManualReader()
		provider := metric.NewMeterProvider(metric.WithReader(reader))
		runs := 0
		h := middleware.Metrics(middleware.MetricsConfig{MeterProvider: provider})(handler.Func(func(ctx context.Context, m *message.Message) error {
			time.Sleep(2 * time.Second)
			return returns(&runs, nil, nil, errBoom, retry.Snooze(1)).Handle(ctx, m)
		}))
		for range 4 {
			_ = h.Handle(t.Context(), &message.Message{Queue: "q", RoutingKey: strconv.Itoa(runs)})
		}
		panicking := middleware.Metrics(middleware.MetricsConfig{MeterProvider: provider})(handler.Func(panics))
		mustPanic(t, func() { _ = panicking.Handle(t.Context(), &message.Message{Queue: "p"}) })

		const want = `messaging.client.consumed.messages{messaging.destination.name=p,messaging.operation.name=process,messaging.system=rabbitmq} 1
messaging.client.consumed.messages{messaging.destination.name=q,messaging.operation.name=process,messaging.system=rabbitmq} 4
messaging.process.duration{error.type=*errors.errorString,messaging.destination.name=q,messaging.operation.name=process,messaging.system=rabbitmq} 1 2 600
messaging.process.duration{error.type=panic,messaging.destination.name=p,messaging.operation.name=process,messaging.system=rabbitmq} 1 0 600
messaging.process.duration{messaging.destination.name=q,messaging.operation.name=process,messaging.system=rabbitmq} 3 6 600`
		if got := collected(t, reader); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	})
}

func TestMetricsTakeOtherBuckets(t *testing.T) {
	t.Parallel()
	reader := metric.NewManualReader()
	provider := metric.NewMeterProvider(metric.WithReader(reader))
	runs := 0
	h := middleware.Metrics(middleware.MetricsConfig{MeterProvider: provider, Buckets: []float64{1, 60}})(returns(&runs, nil))
	if err := h.Handle(t.Context(), &message.Message{}); err != nil {
		t.Fatal(err)
	}
	if got := collected(t, reader); !strings.HasSuffix(got, " 60") {
		t.Errorf("got\n%s\nwant boundaries that end at 60", got)
	}
}

func TestMetricsRememberTheirAttributes(t *testing.T) { // AllocsPerRun forbids t.Parallel
	provider := metric.NewMeterProvider(metric.WithReader(metric.NewManualReader()))
	h := middleware.Metrics(middleware.MetricsConfig{MeterProvider: provider})(handler.Func(func(context.Context, *message.Message) error { return nil }))
	ctx, m := t.Context(), &message.Message{Queue: "q"}
	n := testing.AllocsPerRun(1000, func() { _ = h.Handle(ctx, m) })
	t.Logf("%v allocations with the SDK", n)
	if n > 1 {
		t.Errorf("%v allocations, want at most 1", n)
	}
}
