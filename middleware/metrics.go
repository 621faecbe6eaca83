package middleware

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/telemetry"
	"github.com/warren-mq/warren/message"
)

// MetricsConfig configures Metrics. The zero value uses OpenTelemetry's global provider.
type MetricsConfig struct {
	MeterProvider metric.MeterProvider // nil means the global provider
	// Buckets are the boundaries of the duration histogram, in seconds. Empty means those
	// that OpenTelemetry recommends, extended to 10 minutes. Inside a worker the buckets of
	// its own Metrics count.
	Buckets []float64
}

// maxSeries bounds the cache, in case error.type has very many values. Values beyond it are
// measured without the cache.
const maxSeries = 1000

type metrics struct {
	duration metric.Float64Histogram
	consumed metric.Int64Counter

	mu     sync.RWMutex
	series map[seriesKey]*series
}

type seriesKey struct{ queue, errorType string }

// series caches the options of one set of attributes, since making them allocates.
type series struct {
	record []metric.RecordOption
	add    []metric.AddOption
}

// Metrics measures each message by OpenTelemetry's conventions: the histogram
// messaging.process.duration, in seconds, and the counter
// messaging.client.consumed.messages, which counts when the handler begins. Both
// have the queue as messaging.destination.name, since the number of routing keys is not
// bounded; failures have error.type. Metrics does not change the handler's result, and does
// no work without an SDK. An instrument that cannot be made is reported to otel.Handle.
//
// A worker measures by itself. A Metrics inside another one, for the same message,
// records nothing.
func Metrics(c MetricsConfig) handler.Middleware {
	s := &metrics{series: make(map[seriesKey]*series)}
	meter := telemetry.Meter(c.MeterProvider)
	var err error
	if s.duration, err = telemetry.ProcessDuration(meter, c.Buckets...); err != nil {
		otel.Handle(err)
	}
	if s.consumed, err = telemetry.ConsumedMessages(meter); err != nil {
		otel.Handle(err)
	}
	return func(next handler.Handler) handler.Handler {
		return handler.Func(func(ctx context.Context, m *message.Message) error {
			return s.handle(ctx, next, m)
		})
	}
}

func (s *metrics) handle(ctx context.Context, next handler.Handler, m *message.Message) error {
	if covered(ctx, measured, m) {
		return next.Handle(ctx, m)
	}
	if s.consumed.Enabled(ctx) || s.duration.Enabled(ctx) {
		ctx = withCover(ctx, measured, m)
	}
	if s.consumed.Enabled(ctx) {
		s.consumed.Add(ctx, 1, s.of(m.Queue, "").add...)
	}
	if !s.duration.Enabled(ctx) {
		return next.Handle(ctx, m)
	}
	return s.timed(ctx, next, m)
}

func (s *metrics) timed(ctx context.Context, next handler.Handler, m *message.Message) (err error) {
	begin := time.Now()
	err = panicError{}
	defer func() { // not by watch, whose function would be allocated
		errorType := ""
		if failed(err) {
			errorType = telemetry.ErrorType(err)
		}
		s.duration.Record(ctx, time.Since(begin).Seconds(), s.of(m.Queue, errorType).record...)
	}()
	return next.Handle(ctx, m)
}

// of returns the options for a queue and an error.type.
func (s *metrics) of(queue, errorType string) *series {
	key := seriesKey{queue, errorType}
	s.mu.RLock()
	known := s.series[key]
	s.mu.RUnlock()
	if known != nil {
		return known
	}
	set := metric.WithAttributeSet(telemetry.MetricAttributes(telemetry.OperationProcess, queue, errorType))
	fresh := &series{record: []metric.RecordOption{set}, add: []metric.AddOption{set}}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.series) < maxSeries {
		s.series[key] = fresh
	}
	return fresh
}
