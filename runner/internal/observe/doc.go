// Package observe exports what OpenTelemetry measures: metrics to Prometheus, and
// metrics and traces to where the standard OTEL_… variables say. By default there is
// nobody to send anything to.
package observe
