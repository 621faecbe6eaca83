// Package observe exports the data of OpenTelemetry: metrics to Prometheus, and metrics and
// traces to the exporters in the standard OTEL_… variables. By default there are none.
package observe
