package telemetry_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"testing"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"

	"github.com/warren-mq/warren/internal/telemetry"
	"github.com/warren-mq/warren/message"
)

const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// The one test that touches the globals; it puts them back for -count.
func TestGlobalsMayBeSetLate(t *testing.T) {
	early, propagator := otel.GetTracerProvider(), otel.GetTextMapPropagator()
	t.Cleanup(func() {
		otel.SetTracerProvider(early)
		otel.SetTextMapPropagator(propagator)
	})
	if telemetry.Installed(nil) || telemetry.Installed(early) {
		t.Error("Installed before any provider was set")
	}
	if got := telemetry.Propagator(nil).Fields(); !slices.Contains(got, "traceparent") || !slices.Contains(got, "baggage") {
		t.Errorf("the default propagator has %q, want traceparent and baggage", got)
	}
	if n := testing.AllocsPerRun(100, func() { telemetry.Installed(nil); telemetry.Propagator(nil) }); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}

	otel.SetTracerProvider(sdktrace.NewTracerProvider())
	otel.SetTextMapPropagator(propagation.NewCompositeTextMapPropagator())
	if !telemetry.Installed(nil) || !telemetry.Installed(early) {
		t.Error("not Installed after a provider was set")
	}
	if got := telemetry.Propagator(nil).Fields(); len(got) != 0 {
		t.Errorf("a propagator set to none has %q", got)
	}
	_, span := telemetry.Tracer(nil).Start(t.Context(), "x")
	if !span.SpanContext().IsValid() {
		t.Error("the tracer of the global provider makes no spans")
	}
}

func TestInstalledFindsTheProvider(t *testing.T) {
	t.Parallel()
	if telemetry.Installed(tracenoop.NewTracerProvider()) {
		t.Error("the no-op provider is said to be installed")
	}
	if !telemetry.Installed(sdktrace.NewTracerProvider()) {
		t.Error("the SDK's provider is said not to be installed")
	}
	if got := telemetry.Propagator(propagation.Baggage{}); got != (propagation.Baggage{}) {
		t.Errorf("the propagator is %v, want the given one", got)
	}
}

func TestDestinationName(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, exchange, key, queue, want string }{
		{"a publisher has exchange and key", "events", "user.signed_up", "", "events:user.signed_up"},
		{"a consumer has the queue too", "events", "user.signed_up", "welcome", "events:user.signed_up:welcome"},
		{"no exchange is left out", "", "user.signed_up", "welcome", "user.signed_up:welcome"},
		{"no key is left out", "events", "", "welcome", "events:welcome"},
		{"key and queue alike are said once", "", "welcome", "welcome", "welcome"},
		{"nothing at all is the default exchange", "", "", "", "amq.default"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := telemetry.DestinationName(tt.exchange, tt.key, tt.queue); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestSpanNamesAreOfFewValues(t *testing.T) {
	t.Parallel()
	for got, want := range map[string]string{
		telemetry.PublishSpanName("events"):  "publish events",
		telemetry.PublishSpanName(""):        "publish amq.default",
		telemetry.ProcessSpanName("welcome"): "process welcome",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestAttributes(t *testing.T) {
	t.Parallel()
	full := &message.Message{
		ID: "7", CorrelationID: "c", Body: []byte("abc"),
		Exchange: "events", RoutingKey: "k", Queue: "q", Attempt: 2,
	}
	for _, tt := range []struct {
		name string
		got  []attribute.KeyValue
		want string
	}{
		{"processing a full message", telemetry.ProcessAttributes(full), "messaging.destination.name=events:k:q," +
			"messaging.message.body.size=3,messaging.message.conversation_id=c,messaging.message.id=7," +
			"messaging.operation.name=process,messaging.operation.type=process," +
			"messaging.rabbitmq.destination.routing_key=k,messaging.system=rabbitmq,warren.attempt=2"},
		{"processing an empty message", telemetry.ProcessAttributes(&message.Message{}), "messaging.destination.name=amq.default," +
			"messaging.message.body.size=0,messaging.operation.name=process,messaging.operation.type=process,messaging.system=rabbitmq"},
		{"publishing", telemetry.PublishAttributes("events", "k", &message.Message{}), "messaging.destination.name=events:k," +
			"messaging.message.body.size=0,messaging.operation.name=publish,messaging.operation.type=send," +
			"messaging.rabbitmq.destination.routing_key=k,messaging.system=rabbitmq"},
		{"a server", telemetry.Server("mq", 5672), "server.address=mq,server.port=5672"},
		{"a server without a port", telemetry.Server("mq", 0), "server.address=mq"},
		{
			"a failed operation", slices.Collect(all(telemetry.MetricAttributes("process", "q", "E"))),
			"error.type=E,messaging.destination.name=q,messaging.operation.name=process,messaging.system=rabbitmq",
		},
		{
			"an operation that went well", slices.Collect(all(telemetry.MetricAttributes("process", "", ""))),
			"messaging.operation.name=process,messaging.system=rabbitmq",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			set := attribute.NewSet(tt.got...)
			if got := set.Encoded(attribute.DefaultEncoder()); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func all(s attribute.Set) func(func(attribute.KeyValue) bool) {
	return func(yield func(attribute.KeyValue) bool) {
		for _, kv := range s.ToSlice() {
			if !yield(kv) {
				return
			}
		}
	}
}

// marked has the text of its cause, as the marks of package retry do.
type marked struct{ cause error }

func (e *marked) Error() string { return e.cause.Error() }
func (e *marked) Unwrap() error { return e.cause }

type named struct{ marked }

func (e *named) ErrorType() string { return "quota" }

func TestErrorTypeLooksThroughWrapsAndMarks(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	path := &fs.PathError{Op: "open", Path: "/x", Err: fs.ErrNotExist}
	for _, tt := range []struct {
		name string
		err  error
		want string
	}{
		{"nothing", nil, ""},
		{"a plain error", boom, "*errors.errorString"},
		{"an error of its own type", path, "*fs.PathError"},
		{"wrapped", fmt.Errorf("a: %w", fmt.Errorf("b: %w", path)), "*fs.PathError"},
		{"marked", &marked{path}, "*fs.PathError"},
		{"marked and wrapped", fmt.Errorf("a: %w", &marked{fmt.Errorf("b: %w", path)}), "*fs.PathError"},
		{"naming itself", fmt.Errorf("a: %w", &named{marked{path}}), "quota"},
		{"joined", errors.Join(boom, path), "*errors.joinError"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := telemetry.ErrorType(tt.err); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestBucketsSeparateDurationsOverTheDefaultTimeout(t *testing.T) {
	t.Parallel()
	b := telemetry.Buckets()
	if !slices.IsSorted(b) || !slices.Contains(b, 60) || b[len(b)-1] < 300 {
		t.Errorf("buckets are %v, want the default timeout of 60 s among them and at least 300 s as the last", b)
	}
}

func TestInstrumentsHaveTheAdvisedBuckets(t *testing.T) {
	t.Parallel()
	reader := metric.NewManualReader()
	meter := telemetry.Meter(metric.NewMeterProvider(metric.WithReader(reader)))
	process, err1 := telemetry.ProcessDuration(meter)
	operation, err2 := telemetry.OperationDuration(meter, 1, 60)
	consumed, err3 := telemetry.ConsumedMessages(meter)
	sent, err4 := telemetry.SentMessages(meter)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		t.Fatal(err)
	}
	process.Record(t.Context(), 1)
	operation.Record(t.Context(), 1)
	consumed.Add(t.Context(), 1)
	sent.Add(t.Context(), 1)

	var data metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &data); err != nil {
		t.Fatal(err)
	}
	scope := data.ScopeMetrics[0]
	if scope.Scope.Name != telemetry.Scope || scope.Scope.SchemaURL != "https://opentelemetry.io/schemas/1.43.0" {
		t.Errorf("scope is %+v", scope.Scope)
	}
	want := map[string][]float64{
		telemetry.MetricProcessDuration: telemetry.Buckets(), telemetry.MetricOperationDuration: {1, 60},
		telemetry.MetricConsumedMessages: nil, telemetry.MetricSentMessages: nil,
	}
	for _, m := range scope.Metrics {
		var got []float64
		if h, ok := m.Data.(metricdata.Histogram[float64]); ok {
			got = h.DataPoints[0].Bounds
		}
		if !slices.Equal(got, want[m.Name]) {
			t.Errorf("%s has bounds %v, want %v", m.Name, got, want[m.Name])
		}
		delete(want, m.Name)
	}
	if len(want) > 0 {
		t.Errorf("not measured: %v", want)
	}
}

func TestCarrierRoundTrip(t *testing.T) {
	t.Parallel()
	h := message.Headers{"traceparent": []byte(traceparent), "other": 7}
	p := telemetry.Propagator(propagation.TraceContext{})
	ctx := p.Extract(context.Background(), telemetry.Carrier(h))
	if sc := trace.SpanContextFromContext(ctx); !sc.IsRemote() || sc.SpanID().String() != "b7ad6b7169203331" {
		t.Errorf("extracted %v from a byte array", sc)
	}
	out := message.Headers{}
	p.Inject(ctx, telemetry.Carrier(out))
	if out["traceparent"] != traceparent {
		t.Errorf("injected %v, want the text %s", out, traceparent)
	}
	if got := telemetry.Carrier(h).Keys(); !slices.Equal(got, []string{"other", "traceparent"}) {
		t.Errorf("keys are %q", got)
	}
	if got := telemetry.Carrier(nil).Get("traceparent"); got != "" {
		t.Errorf("no headers hold %q", got)
	}
}

func TestSpanContextOfATraceparent(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{"": false, traceparent: true, "garbage": false} {
		if sc := telemetry.SpanContext(text); sc.IsValid() != want {
			t.Errorf("%q: got %v, want a valid one: %v", text, sc, want)
		}
	}
}

func FuzzHeadersFromAnyone(f *testing.F) {
	f.Add(traceparent, "a=b", "vendor=1")
	f.Add("00-", "%zz=,=;", "")
	f.Fuzz(func(t *testing.T, parent, baggage, state string) {
		h := message.Headers{
			"traceparent": parent, "baggage": []byte(baggage), "tracestate": state,
		}
		p := propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})
		sc := trace.SpanContextFromContext(p.Extract(context.Background(), telemetry.Carrier(h)))
		if previous := telemetry.SpanContext(parent); previous.IsValid() != sc.IsValid() || previous.SpanID() != sc.SpanID() {
			t.Errorf("%q is %v as the creator's and %v as the attempt's", parent, sc, previous)
		}
	})
}
