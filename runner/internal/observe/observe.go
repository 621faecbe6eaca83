package observe

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/contrib/exporters/autoexport"
	"go.opentelemetry.io/contrib/propagators/autoprop"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	exporter "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/runner/internal/config"
)

// Telemetry holds the providers that Start has installed for the process.
type Telemetry struct {
	log      *slog.Logger
	metrics  *sdkmetric.MeterProvider
	traces   *sdktrace.TracerProvider
	resource *resource.Resource
	registry *prometheus.Registry       // nil unless Prometheus is enabled
	brokers  []*sdkmetric.MeterProvider // of the brokers with names
	handler  http.Handler
	reloads  metric.Int64Counter
	loaded   metric.Float64Gauge // when the configuration in use was loaded
	current  metric.Int64Gauge   // 1 if the last reload succeeded
}

// flushTimeout is the limit for sending the remaining data at the end.
const flushTimeout = 5 * time.Second

// Start installs the providers of OpenTelemetry. OTEL_METRICS_EXPORTER and
// OTEL_TRACES_EXPORTER select the exporters; the default is none. OTEL_PROPAGATORS selects
// the propagators; the default is tracecontext and baggage. Errors of exporters are logged.
func Start(ctx context.Context, c config.Telemetry, log *slog.Logger) (*Telemetry, error) {
	res, err := resource.New(ctx, resource.WithAttributes(attribute.String("service.name", c.ServiceName),
		attribute.String("service.version", record.Version())), resource.WithFromEnv(), resource.WithTelemetrySDK(), resource.WithHost())
	if err != nil {
		return nil, fmt.Errorf("runner: telemetry: %w", err)
	}
	t := &Telemetry{log: log, resource: res}
	if err := errors.Join(t.startMetrics(ctx, c, res), t.startTraces(ctx, res)); err != nil {
		t.Stop()
		return nil, fmt.Errorf("runner: telemetry: %w", err)
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("runner: telemetry failed", "error", err) }))
	otel.SetMeterProvider(t.metrics)
	otel.SetTracerProvider(t.traces)
	otel.SetTextMapPropagator(autoprop.NewTextMapPropagator())
	return t, nil
}

func (t *Telemetry) startMetrics(ctx context.Context, c config.Telemetry, res *resource.Resource) (err error) {
	if c.Prometheus {
		t.registry = prometheus.NewRegistry()
		t.registry.MustRegister(collectors.NewGoCollector(), collectors.NewBuildInfoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
		t.handler = promhttp.HandlerFor(t.registry, promhttp.HandlerOpts{EnableOpenMetrics: true})
	}
	if t.metrics, err = t.provider(ctx, res, nil); err != nil {
		return err
	}
	return t.startReloads(t.metrics.Meter("github.com/warren-mq/warren/runner"))
}

// startReloads begins the metrics of the configuration, which was loaded just now.
func (t *Telemetry) startReloads(m metric.Meter) (err error) {
	errs := make([]error, 0, 3)
	t.reloads, err = m.Int64Counter("runner.config.reloads", metric.WithUnit("{reload}"), metric.WithDescription("Reloads of the configuration, by outcome."))
	errs = append(errs, err)
	t.loaded, err = m.Float64Gauge("runner.config.loaded", metric.WithUnit("s"), metric.WithDescription("When the configuration in use was loaded, in seconds since 1970."))
	errs = append(errs, err)
	t.current, err = m.Int64Gauge("runner.config.current", metric.WithUnit("{configuration}"), metric.WithDescription("1 if the last reload of the configuration succeeded, 0 if it failed."))
	if err := errors.Join(append(errs, err)...); err != nil {
		return err
	}
	for _, ok := range []bool{true, false} {
		t.reloads.Add(context.Background(), 0, metric.WithAttributes(attribute.Bool("ok", ok)))
	}
	t.inUse(nil)
	return nil
}

// inUse records whether the configuration in use is the newest.
func (t *Telemetry) inUse(err error) {
	current := int64(0)
	if err == nil {
		current = 1
		t.loaded.Record(context.Background(), float64(time.Now().UnixMilli())/1e3)
	}
	t.current.Record(context.Background(), current)
}

// provider returns a provider that adds labels to all metrics for Prometheus.
func (t *Telemetry) provider(ctx context.Context, res *resource.Resource, labels prometheus.Labels) (*sdkmetric.MeterProvider, error) {
	reader, err := autoexport.NewMetricReader(ctx, autoexport.WithFallbackMetricReader(noMetrics))
	if err != nil {
		return nil, err
	}
	options := []sdkmetric.Option{sdkmetric.WithResource(res), sdkmetric.WithReader(reader)}
	if t.registry != nil {
		prom, err := exporter.New(exporter.WithRegisterer(prometheus.WrapRegistererWith(labels, t.registry)), exporter.WithoutScopeInfo())
		if err != nil {
			return nil, err
		}
		options = append(options, sdkmetric.WithReader(prom))
	}
	return sdkmetric.NewMeterProvider(options...), nil
}

// Of returns a provider for a broker with a name. Its metrics have the label broker for
// Prometheus, and the attribute warren.broker of the resource elsewhere.
func (t *Telemetry) Of(broker string) (metric.MeterProvider, error) {
	res, err := resource.Merge(t.resource, resource.NewSchemaless(attribute.String("warren.broker", broker)))
	if err != nil {
		return nil, fmt.Errorf("runner: telemetry: %w", err)
	}
	p, err := t.provider(context.Background(), res, prometheus.Labels{"broker": broker})
	if err != nil {
		return nil, fmt.Errorf("runner: telemetry: %w", err)
	}
	t.brokers = append(t.brokers, p)
	return p, nil
}

func (t *Telemetry) startTraces(ctx context.Context, res *resource.Resource) error {
	spans, err := autoexport.NewSpanExporter(ctx, autoexport.WithFallbackSpanExporter(noSpans))
	if err != nil {
		return err
	}
	options := []sdktrace.TracerProviderOption{sdktrace.WithResource(res)}
	if _, none := spans.(silent); !none && !autoexport.IsNoneSpanExporter(spans) {
		options = append(options, sdktrace.WithBatcher(spans))
	}
	t.traces = sdktrace.NewTracerProvider(options...)
	return nil
}

// Metrics returns the handler for Prometheus, or nil if it is disabled.
func (t *Telemetry) Metrics() http.Handler { return t.handler }

// Reloaded counts a reload. It has failed if err is not nil.
func (t *Telemetry) Reloaded(err error) {
	t.reloads.Add(context.Background(), 1, metric.WithAttributes(attribute.Bool("ok", err == nil)))
	t.inUse(err)
}

// Stop sends the remaining data, of all providers at the same time. Errors are logged.
func (t *Telemetry) Stop() {
	ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
	defer cancel()
	var all sync.WaitGroup
	stop := func(shutdown func(context.Context) error) {
		all.Go(func() {
			if err := shutdown(ctx); err != nil {
				t.log.Warn("runner: telemetry failed", "error", err)
			}
		})
	}
	if t.metrics != nil {
		stop(t.metrics.Shutdown)
	}
	for _, p := range t.brokers {
		stop(p.Shutdown)
	}
	if t.traces != nil {
		stop(t.traces.Shutdown)
	}
	all.Wait()
}

// noMetrics returns a reader that exports nothing.
func noMetrics(context.Context) (sdkmetric.Reader, error) { return sdkmetric.NewManualReader(), nil }

// noSpans exports nothing.
func noSpans(context.Context) (sdktrace.SpanExporter, error) { return silent{}, nil }

type silent struct{}

func (silent) ExportSpans(context.Context, []sdktrace.ReadOnlySpan) error { return nil }
func (silent) Shutdown(context.Context) error                             { return nil }
