package telemetry

import (
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/semconv/v1.43.0/messagingconv"
)

// Buckets returns the boundaries of the histograms of durations, in seconds. They are the
// boundaries that the conventions recommend, which end at 10, and further ones up to 10
// minutes. A handler may take a minute by default, and more if its queue allows it.
func Buckets() []float64 {
	return []float64{0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 30, 45, 60, 90, 120, 300, 600}
}

// ProcessDuration returns the histogram of how long handlers take, in seconds. The default
// boundaries are Buckets.
func ProcessDuration(m metric.Meter, boundaries ...float64) (metric.Float64Histogram, error) {
	h, err := messagingconv.NewProcessDuration(m, bounds(boundaries))
	return h.Inst(), err
}

// OperationDuration returns the histogram of how long publishing takes, its confirm
// included, in seconds. The default boundaries are Buckets.
func OperationDuration(m metric.Meter, boundaries ...float64) (metric.Float64Histogram, error) {
	h, err := messagingconv.NewClientOperationDuration(m, bounds(boundaries))
	return h.Inst(), err
}

// ConsumedMessages returns the counter of deliveries to handlers.
func ConsumedMessages(m metric.Meter) (metric.Int64Counter, error) {
	c, err := messagingconv.NewClientConsumedMessages(m)
	return c.Inst(), err
}

// SentMessages returns the counter of messages that the program tried to publish.
func SentMessages(m metric.Meter) (metric.Int64Counter, error) {
	c, err := messagingconv.NewClientSentMessages(m)
	return c.Inst(), err
}

func bounds(b []float64) metric.HistogramOption {
	if len(b) == 0 {
		b = Buckets()
	}
	return metric.WithExplicitBucketBoundaries(b...)
}
