package schedule_test

import (
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/schedule"
)

// TestALeaderIsMeasuredWhileItRuns: after a scheduler has stopped, its group must not look like a
// group without a leader.
func TestALeaderIsMeasuredWhileItRuns(t *testing.T) {
	t.Parallel()
	inBubble(t, devbroker.Config{Heartbeat: -1}, func(b *bubble) {
		reader := metric.NewManualReader()
		measured := func(c *schedule.Config) { c.Broker.MeterProvider = metric.NewMeterProvider(metric.WithReader(reader)) }
		b.declare("reports", nil)
		s := b.run(every("1h"), measured)
		time.Sleep(2 * time.Hour)
		if got := leaders(t, reader); len(got) != 1 || got[0] != 1 {
			t.Errorf("the leader is measured as %v, want 1", got)
		}
		s.end()
		synctest.Wait()
		if got := leaders(t, reader); len(got) != 0 {
			t.Errorf("a scheduler that has stopped is measured as %v, want no value", got)
		}
	})
}

// leaders returns the values of warren.schedule.leader.
func leaders(t *testing.T, reader metric.Reader) (values []int64) {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			g, ok := m.Data.(metricdata.Gauge[int64])
			if !ok || m.Name != "warren.schedule.leader" {
				continue
			}
			for _, p := range g.DataPoints {
				values = append(values, p.Value)
			}
		}
	}
	return values
}
