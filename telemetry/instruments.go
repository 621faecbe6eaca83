package telemetry

import (
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/semconv/v1.43.0/messagingconv"
)

// Names of the instruments.
const (
	MetricProcessDuration   = "messaging.process.duration"          // histogram, s
	MetricOperationDuration = "messaging.client.operation.duration" // histogram, s
	MetricConsumedMessages  = "messaging.client.consumed.messages"  // counter, {message}
	MetricSentMessages      = "messaging.client.sent.messages"      // counter, {message}
)

// Buckets are the boundaries the conventions advise for durations, in seconds.
// They end at 10: work that takes longer wants some of its own.
func Buckets() []float64 {
	return []float64{0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10}
}

// ProcessDuration returns the histogram of how long handlers take, in seconds. No
// boundaries means Buckets.
func ProcessDuration(m metric.Meter, boundaries ...float64) (metric.Float64Histogram, error) {
	h, err := messagingconv.NewProcessDuration(m, bounds(boundaries))
	return h.Inst(), err
}

// OperationDuration returns the histogram of how long publishing takes, its confirm
// included, in seconds. No boundaries means Buckets.
func OperationDuration(m metric.Meter, boundaries ...float64) (metric.Float64Histogram, error) {
	h, err := messagingconv.NewClientOperationDuration(m, bounds(boundaries))
	return h.Inst(), err
}

// ConsumedMessages returns the counter of deliveries to handlers.
func ConsumedMessages(m metric.Meter) (metric.Int64Counter, error) {
	c, err := messagingconv.NewClientConsumedMessages(m)
	return c.Inst(), err
}

// SentMessages returns the counter of messages publishing was tried for.
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
