package tracetest_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/internal/telemetry"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/middleware"
	"github.com/warren-mq/warren/worker"
)

// given is a worker with providers of its own, and what they recorded.
type given struct {
	spans  *tracetest.SpanRecorder
	reader *metric.ManualReader
	queue  string
	pub    *broker.Publisher // over the worker's connection
	worker *worker.Worker
}

// withProviders starts a worker whose queue has the middleware, with Baggage alone as its
// propagator.
func withProviders(t *testing.T, h handler.Handler, mw ...handler.Middleware) given {
	t.Helper()
	return withQueue(t, worker.Queue{Name: rabbit.Queue(t), Middleware: mw}, h)
}

// withQueue is withProviders for a queue with other settings.
func withQueue(t *testing.T, q worker.Queue, h handler.Handler) given {
	t.Helper()
	url := rabbit.URL(t)
	g := given{spans: tracetest.NewSpanRecorder(), reader: metric.NewManualReader(), queue: q.Name}
	ch := rabbit.Channel(t, url)
	g.worker = worker.New(worker.Config{
		Broker: broker.Config{URL: url}, Logger: slog.New(slog.DiscardHandler),
		TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(g.spans)),
		MeterProvider:  metric.NewMeterProvider(metric.WithReader(g.reader)),
		Propagator:     propagation.Baggage{},
	})
	g.worker.Queue(q).Handle("#", h)
	g.pub = g.worker.Publisher("")
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- g.worker.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		err := errors.Join(<-done, g.pub.Close())
		for _, q := range g.worker.Topology().Queues {
			if strings.Contains(q.Name, g.queue) { // others use the rest
				_, deleted := ch.QueueDelete(q.Name, false, false, false)
				err = errors.Join(err, deleted)
			}
		}
		if err != nil {
			t.Error(err)
		}
	})
	<-g.worker.Ready()
	return g
}

// ended returns how many of the worker's spans have that name.
func (g given) ended(name string) (n int) {
	for _, s := range g.spans.Ended() {
		if s.Name() == name {
			n++
		}
	}
	return n
}

// TestProvidersOfTheConfigReplaceTheGlobalOnes, for handling and for publishing.
func TestProvidersOfTheConfigReplaceTheGlobalOnes(t *testing.T) {
	t.Parallel()
	seen := make(chan message.Headers, 1)
	g := withProviders(t, handler.Func(func(_ context.Context, m *message.Message) error { seen <- m.Headers; return nil }))
	if err := g.pub.Publish(t.Context(), g.queue, 1); err != nil {
		t.Fatal(err)
	}
	if h := <-seen; h["traceparent"] != nil {
		t.Errorf("the message has the traceparent %v, want none: the propagator given is Baggage alone", h["traceparent"])
	}
	process, publish := telemetry.ProcessSpanName(g.queue), telemetry.PublishSpanName("")
	rabbit.Eventually(t, patience, func() bool { return g.ended(process) == 1 && g.ended(publish) == 1 }, "both spans have ended")
	if n := len(of(process)); n != 0 {
		t.Errorf("the global provider got %d spans of the queue, want none", n)
	}
	want := map[string]float64{telemetry.MetricSettled + " ack": 1, telemetry.MetricConsumedMessages: 1}
	rabbit.Eventually(t, patience, func() bool { return len(differ(collect(t, g.reader, g.queue), want)) == 0 }, "the metrics are as wanted")
	if got := collect(t, measured, g.queue); len(got) != 0 {
		t.Errorf("the global provider got %v, want nothing of the queue", got)
	}
	if got := collect(t, g.reader, "")[telemetry.MetricSentMessages]; got != 1 {
		t.Errorf("%v messages are counted as sent, want 1", got)
	}
}

// TestMiddlewareOfTheWorkerAddedByHandDoesNotCountTwice: the worker traces and measures
// by itself, and a program may not know.
func TestMiddlewareOfTheWorkerAddedByHandDoesNotCountTwice(t *testing.T) {
	t.Parallel()
	sealed := func(next handler.Handler) handler.Handler {
		return handler.Func(func(ctx context.Context, m *message.Message) error {
			changed := *m
			return next.Handle(ctx, &changed)
		})
	}
	attributes := middleware.TraceConfig{Attributes: telemetry.Server("mq", 5672)}
	g := withProviders(t, handler.Func(func(context.Context, *message.Message) error { return nil }),
		sealed, middleware.Trace(attributes), middleware.Metrics(middleware.MetricsConfig{}))
	if err := g.pub.Publish(t.Context(), g.queue, 1); err != nil {
		t.Fatal(err)
	}
	process := telemetry.ProcessSpanName(g.queue)
	want := map[string]float64{telemetry.MetricConsumedMessages: 1, telemetry.MetricProcessDuration: 1, telemetry.MetricSettled + " ack": 1}
	rabbit.Eventually(t, patience, func() bool { return collect(t, g.reader, g.queue)[telemetry.MetricSettled+" ack"] == 1 }, "the message is settled")
	if n := g.ended(process) + len(of(process)); n != 1 {
		t.Errorf("%d spans, want 1", n)
	}
	if wrong := differ(collect(t, g.reader, g.queue), want); len(wrong) > 0 {
		t.Errorf("these are not as wanted: %v", wrong)
	}
	if n := collect(t, measured, g.queue)[telemetry.MetricConsumedMessages]; n != 0 {
		t.Errorf("the global provider counts %v messages of the queue, want none", n)
	}
	for _, s := range g.spans.Ended() {
		if s.Name() == process && !hasServer(s) {
			t.Errorf("the span lacks the attributes of the Trace added by hand: %v", s.Attributes())
		}
	}
}

func hasServer(s sdktrace.ReadOnlySpan) bool {
	for _, a := range s.Attributes() {
		if a.Key == "server.address" {
			return true
		}
	}
	return false
}

// TestCountersOfKnownQueuesStartAtZero, so that a rate over the first failure is right.
func TestCountersOfKnownQueuesStartAtZero(t *testing.T) {
	t.Parallel()
	g := withProviders(t, handler.Func(func(context.Context, *message.Message) error { return nil }))
	got := collect(t, g.reader, g.queue)
	for _, name := range []string{
		telemetry.MetricSettled + " ack", telemetry.MetricSettled + " retry", telemetry.MetricSettled + " dead-letter",
		telemetry.MetricSettled + " discard", telemetry.MetricSettled + " release",
		telemetry.MetricRetries + " error", telemetry.MetricRetries + " timeout", telemetry.MetricRetries + " unhandled", telemetry.MetricRetries + " ",
		telemetry.MetricDeadLettered + " error", telemetry.MetricDeadLettered + " decode", telemetry.MetricDeadLettered + " permanent",
		telemetry.MetricHandOffFailures, telemetry.MetricConsumedMessages, telemetry.MetricInFlight,
	} {
		if n, ok := got[name]; !ok || n != 0 {
			t.Errorf("%s is %v, there: %v; want 0", name, n, ok)
		}
	}
	for role, n := range reconnects(t, g.reader) {
		if n != 0 {
			t.Errorf("reconnects of %s are %d, want 0", role, n)
		}
	}
	if n := len(reconnects(t, g.reader)); n != 2 {
		t.Errorf("reconnects are counted for %d roles, want 2", n)
	}
}
