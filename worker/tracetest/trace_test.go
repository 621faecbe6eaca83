// Package tracetest_test follows messages through a worker with the OpenTelemetry
// SDK. It is apart from the worker's other tests because it sets the globals.
package tracetest_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/internal/telemetry"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

const patience = 30 * time.Second

var errBoom = errors.New("boom")

// spans and measured are what the globals write to, set once for the whole process.
var (
	spans    = tracetest.NewSpanRecorder()
	measured = metric.NewManualReader()
)

func TestMain(m *testing.M) {
	otel.SetTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)))
	otel.SetMeterProvider(metric.NewMeterProvider(metric.WithReader(measured)))
	code := m.Run()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// setup starts a worker with h on a queue of its own and returns a publisher to it.
func setup(t *testing.T, h handler.Handler) (queue string, pub *broker.Publisher, ch *amqp.Channel) {
	t.Helper()
	url := rabbit.URL(t)
	queue, ch = rabbit.Queue(t), rabbit.Channel(t, url)
	w := worker.New(worker.Config{Broker: broker.Config{URL: url}, Logger: slog.New(slog.DiscardHandler)})
	w.Queue(worker.Queue{
		Name: queue, Exchange: queue + "-events",
		Retry: retry.Policy{MaxAttempts: 2, InitialInterval: 100 * time.Millisecond, RandomizationFactor: -1},
	}).Handle("#", h)
	pub = broker.NewPublisher(broker.Config{URL: url}, queue+"-events")
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := errors.Join(<-done, pub.Close()); err != nil {
			t.Error(err)
		}
		for _, q := range []string{queue, topology.DeadLetterQueue(queue), topology.ParkingQueue(queue)} {
			if _, err := ch.QueueDelete(q, false, false, false); err != nil {
				t.Error(err)
			}
		}
		if err := ch.ExchangeDelete(queue+"-events", false, false); err != nil {
			t.Error(err)
		}
	})
	rabbit.Eventually(t, patience, func() bool { return w.Health().Ready }, "the worker is ready")
	return queue, pub, ch
}

// deadLetter waits for the dead letter and takes it.
func deadLetter(t *testing.T, ch *amqp.Channel, queue string) (d amqp.Delivery) {
	t.Helper()
	rabbit.Eventually(t, patience, func() (ok bool) {
		var err error
		if d, ok, err = ch.Get(topology.DeadLetterQueue(queue), true); err != nil {
			t.Fatal(err)
		}
		return ok
	}, "there is a dead letter")
	return d
}

// of returns the ended spans with that name, in the order they began.
func of(name string) (found []sdktrace.ReadOnlySpan) {
	for _, s := range spans.Ended() {
		if s.Name() == name {
			found = append(found, s)
		}
	}
	slices.SortFunc(found, func(a, b sdktrace.ReadOnlySpan) int { return a.StartTime().Compare(b.StartTime()) })
	return found
}

func linked(s sdktrace.ReadOnlySpan, to trace.SpanContext) bool {
	return slices.ContainsFunc(s.Links(), func(l sdktrace.Link) bool { return l.SpanContext.SpanID() == to.SpanID() })
}

// TestOneTraceFromPublishToDeadLetter is design §7: the publisher's caller, the
// publish, each attempt and what the handler does are one trace; a retry keeps the
// creation context and links to the attempt before it.
func TestOneTraceFromPublishToDeadLetter(t *testing.T) {
	t.Parallel()
	seen := make(chan trace.SpanContext, 2)
	queue, pub, ch := setup(t, handler.Func(func(ctx context.Context, _ *message.Message) error {
		seen <- trace.SpanContextFromContext(ctx)
		return errBoom
	}))
	ctx, caller := otel.Tracer("test").Start(t.Context(), "caller")
	if err := pub.Publish(ctx, "user.signed_up", 1); err != nil {
		t.Fatal(err)
	}
	caller.End()
	dead := message.Headers(deadLetter(t, ch, queue).Headers)
	rabbit.Eventually(t, patience, func() bool { return len(of("process "+queue)) == 2 }, "both attempts have a span")

	publishes, attempts := of("publish "+queue+"-events"), of("process "+queue)
	if len(publishes) != 1 {
		t.Fatalf("%d publish spans, want 1: copies are no publishes of the program's", len(publishes))
	}
	publish := publishes[0]
	if publish.Parent().SpanID() != caller.SpanContext().SpanID() || publish.SpanKind() != trace.SpanKindProducer {
		t.Errorf("the publish span is a %v, child of %v; want a producer's, of the caller", publish.SpanKind(), publish.Parent().SpanID())
	}
	for i, a := range attempts {
		if a.SpanContext().TraceID() != caller.SpanContext().TraceID() {
			t.Errorf("attempt %d is of another trace", i+1)
		}
		if a.Parent().SpanID() != publish.SpanContext().SpanID() || !linked(a, publish.SpanContext()) {
			t.Errorf("attempt %d: parent %v, links %v; want the publish span as both", i+1, a.Parent().SpanID(), a.Links())
		}
		if a.SpanKind() != trace.SpanKindConsumer || a.Status().Code != codes.Error || a.Status().Description != "boom" {
			t.Errorf("attempt %d is a %v with status %v, want a consumer's that failed", i+1, a.SpanKind(), a.Status())
		}
		if got := <-seen; got.SpanID() != a.SpanContext().SpanID() {
			t.Errorf("the handler of attempt %d saw span %v, want %v", i+1, got.SpanID(), a.SpanContext().SpanID())
		}
	}
	if linked(attempts[0], attempts[0].SpanContext()) || !linked(attempts[1], attempts[0].SpanContext()) {
		t.Errorf("the second attempt's links are %v, want the first among them", attempts[1].Links())
	}
	if got := telemetry.SpanContext(dead.String(record.HeaderTrace)); got.SpanID() != attempts[1].SpanContext().SpanID() {
		t.Errorf("the dead letter names span %v, want the span of the last attempt", got.SpanID())
	}
	if got := dead.String("traceparent"); got == "" || got[36:52] != publish.SpanContext().SpanID().String() {
		t.Errorf("the dead letter's creation context is %q, want the publish span", got)
	}
}

// TestMetricsOfAWorker: what an operator watches is there, by queue.
func TestMetricsOfAWorker(t *testing.T) {
	t.Parallel()
	hold, held := make(chan struct{}), make(chan struct{}, 10)
	queue, pub, ch := setup(t, handler.Func(func(_ context.Context, m *message.Message) error {
		if m.RoutingKey == "held" {
			held <- struct{}{}
			<-hold
			return nil
		}
		return errBoom
	}))
	for _, key := range []string{"fails", "held"} {
		if err := pub.Publish(t.Context(), key, 1); err != nil {
			t.Fatal(err)
		}
		if key == "fails" {
			deadLetter(t, ch, queue)
		}
	}
	<-held
	want := map[string]float64{
		telemetry.MetricSettled + " retry": 1, telemetry.MetricSettled + " dead-letter": 1, telemetry.MetricRetries + " error": 1, telemetry.MetricDeadLettered + " error": 1,
		telemetry.MetricInFlight: 1, telemetry.MetricConsumedMessages: 3,
	}
	rabbit.Eventually(t, patience, func() bool { return len(differ(collect(t, measured, queue), want)) == 0 }, "the metrics are as wanted")
	close(hold)
	want[telemetry.MetricInFlight], want[telemetry.MetricSettled+" ack"] = 0, 1
	rabbit.Eventually(t, patience, func() bool { return len(differ(collect(t, measured, queue), want)) == 0 }, "the metrics are as wanted in the end")
	if got := collect(t, measured, queue)[telemetry.MetricProcessDuration]; got != 3 {
		t.Errorf("%v runs of the handler were timed, want 3", got)
	}
}

func differ(got, want map[string]float64) (names []string) {
	for name, v := range want {
		if g, ok := got[name]; !ok || g != v {
			names = append(names, name)
		}
	}
	return names
}
