package middleware_test

import (
	"context"
	"slices"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/internal/telemetry"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/middleware"
	"github.com/warren-mq/warren/retry"
)

const (
	creator  = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	previous = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01"
)

// traced handles m and returns the span made for it.
func traced(t *testing.T, m *message.Message, h handler.Handler, c middleware.TraceConfig) sdktrace.ReadOnlySpan {
	t.Helper()
	rec := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(rec))
	c.TracerProvider = provider
	func() {
		defer func() { _ = recover() }() // the panic is looked at elsewhere
		_ = middleware.Trace(c)(h).Handle(t.Context(), m)
	}()
	spans := rec.Ended()
	if len(spans) != 1 {
		t.Fatalf("%d spans ended, want 1", len(spans))
	}
	return spans[0]
}

func TestTraceMakesAConsumerSpan(t *testing.T) {
	t.Parallel()
	runs := 0
	m := &message.Message{ID: "7", Exchange: "events", RoutingKey: "user.signed_up", Queue: "welcome", Attempt: 1}
	span := traced(t, m, returns(&runs, nil), middleware.TraceConfig{Attributes: telemetry.Server("mq", 5672)})
	if span.Name() != "process welcome" || span.SpanKind() != trace.SpanKindConsumer || span.Parent().IsValid() {
		t.Errorf("%s span %q with parent %v, want a consumer's root", span.SpanKind(), span.Name(), span.Parent())
	}
	set := attribute.NewSet(span.Attributes()...)
	const want = "messaging.destination.name=events:user.signed_up:welcome,messaging.message.body.size=0," +
		"messaging.message.id=7,messaging.operation.name=process,messaging.operation.type=process," +
		"messaging.rabbitmq.destination.routing_key=user.signed_up,messaging.system=rabbitmq," +
		"server.address=mq,server.port=5672,warren.attempt=1"
	if got := set.Encoded(attribute.DefaultEncoder()); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if scope := span.InstrumentationScope(); scope.Name != telemetry.Scope || scope.SchemaURL == "" {
		t.Errorf("scope is %+v", scope)
	}
}

func TestTraceLinks(t *testing.T) {
	t.Parallel()
	const created, before = "b7ad6b7169203331", "00f067aa0ba902b7"
	retried := message.Headers{"traceparent": creator, record.HeaderAttempt: int64(1), record.HeaderTrace: previous}
	var plain middleware.TraceConfig
	for _, tt := range []struct {
		name    string
		headers message.Headers
		config  middleware.TraceConfig
		parent  string
		links   []string
	}{
		{"nothing to the message of an untraced publisher", message.Headers{"x": 1}, plain, "", nil},
		{"the creation context, which is the parent too", message.Headers{"traceparent": creator}, plain, created, []string{created}},
		{
			"the creation context alone, if told so",
			message.Headers{"traceparent": creator},
			middleware.TraceConfig{LinkOnly: true},
			"",
			[]string{created},
		},
		{"the attempt before", retried, plain, created, []string{created, before}},
		{
			"the attempt before, of an untraced publisher",
			message.Headers{record.HeaderAttempt: int64(1), record.HeaderTrace: previous},
			plain, "",
			[]string{before},
		},
		{"the same context only once", message.Headers{"traceparent": creator, record.HeaderAttempt: int64(1), record.HeaderTrace: creator}, plain, created, []string{created}},
		{"no attempt before without the mark of a retry", message.Headers{record.HeaderTrace: previous}, plain, "", nil},
		{
			"nothing with a propagator for something else",
			message.Headers{"traceparent": creator},
			middleware.TraceConfig{Propagator: propagation.Baggage{}},
			"", nil,
		},
		{"nothing for garbage", message.Headers{"traceparent": "x", record.HeaderAttempt: "x", record.HeaderTrace: 7}, plain, "", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			runs := 0
			span := traced(t, &message.Message{Headers: tt.headers}, returns(&runs, nil), tt.config)
			parent := ""
			if span.Parent().IsValid() {
				parent = span.Parent().SpanID().String()
			}
			links := make([]string, 0, len(span.Links()))
			for _, l := range span.Links() {
				links = append(links, l.SpanContext.SpanID().String())
			}
			if parent != tt.parent || !slices.Equal(links, tt.links) {
				t.Errorf("parent %q, links %q, want %q and %q", parent, links, tt.parent, tt.links)
			}
		})
	}
}

func TestTraceKeepsASpanAlreadyThere(t *testing.T) {
	t.Parallel()
	rec := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(rec))
	ctx, ambient := provider.Tracer("t").Start(t.Context(), "ambient")
	runs := 0
	h := middleware.Trace(middleware.TraceConfig{TracerProvider: provider})(returns(&runs, nil))
	for _, m := range []*message.Message{{Headers: message.Headers{"traceparent": creator}}, {Headers: message.Headers{"x": "y"}}} {
		if err := h.Handle(ctx, m); err != nil {
			t.Fatal(err)
		}
	}
	for i, wantLinks := range []int{1, 0} {
		span := rec.Ended()[i]
		if span.Parent().SpanID() != ambient.SpanContext().SpanID() || len(span.Links()) != wantLinks {
			t.Errorf("message %d: parent %v with %d links, want the ambient span with %d", i, span.Parent().SpanID(), len(span.Links()), wantLinks)
		}
	}
}

func TestTraceStatus(t *testing.T) {
	t.Parallel()
	runs := 0
	for _, tt := range []struct {
		name      string
		h         handler.Handler
		status    codes.Code
		errorType string
	}{
		{"success has none", returns(&runs, nil), codes.Unset, ""},
		{"a snooze is no failure", returns(&runs, retry.Snooze(1)), codes.Unset, ""},
		{"a release is no failure", returns(&runs, handler.ErrStopping), codes.Unset, ""},
		{"an error has its type, and not its mark's", returns(&runs, retry.Permanent(errBoom)), codes.Error, "*errors.errorString"},
		{"a panic is an error", handler.Func(panics), codes.Error, "panic"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			span := traced(t, &message.Message{}, tt.h, middleware.TraceConfig{})
			set := attribute.NewSet(span.Attributes()...)
			got, _ := set.Value("error.type")
			if span.Status().Code != tt.status || got.AsString() != tt.errorType {
				t.Errorf("status %v, error.type %q, want %v and %q", span.Status().Code, got.AsString(), tt.status, tt.errorType)
			}
		})
	}
}

func TestTraceGivesTheHandlerSpanAndBaggage(t *testing.T) {
	t.Parallel()
	var inside trace.SpanContext
	var tenant string
	m := &message.Message{Headers: message.Headers{"traceparent": []byte(creator), "baggage": "tenant=a"}}
	span := traced(t, m, handler.Func(func(ctx context.Context, _ *message.Message) error {
		inside = trace.SpanContextFromContext(ctx)
		tenant = baggage.FromContext(ctx).Member("tenant").Value()
		return nil
	}), middleware.TraceConfig{})
	if !inside.Equal(span.SpanContext()) || tenant != "a" {
		t.Errorf("the handler saw %v and tenant %q, want its span and a", inside, tenant)
	}
}

func TestTraceWithoutSDKCarriesTheTraceOn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]middleware.TraceConfig{
		"no provider set":       {},
		"the no-op provider":    {TracerProvider: tracenoop.NewTracerProvider()},
		"an ambient propagator": {Propagator: propagation.TraceContext{}},
	} {
		got := ""
		err := middleware.Trace(c)(handler.Func(func(ctx context.Context, _ *message.Message) error {
			got = trace.SpanContextFromContext(ctx).SpanID().String()
			return nil
		})).Handle(t.Context(), &message.Message{Headers: message.Headers{"traceparent": creator}})
		if err != nil || got != "b7ad6b7169203331" {
			t.Errorf("%s: the handler saw span %s, %v, want the creator's", name, got, err)
		}
	}
}

func TestTraceAndMetricsAllocateNothingWithoutSDK(t *testing.T) { // AllocsPerRun forbids t.Parallel
	h := handler.Chain(handler.Func(func(context.Context, *message.Message) error { return nil }),
		middleware.Trace(middleware.TraceConfig{}), middleware.Metrics(middleware.MetricsConfig{}))
	ctx := t.Context()
	for name, headers := range map[string]message.Headers{
		"no headers":       nil,
		"untraced headers": {"tenant": "a", record.HeaderAttempt: int64(1)},
	} {
		m := &message.Message{ID: "7", Queue: "welcome", Headers: headers}
		if n := testing.AllocsPerRun(1000, func() { _ = h.Handle(ctx, m) }); n > 1 {
			t.Errorf("%s: %v allocations, want at most 1", name, n)
		} else {
			t.Logf("%s: %v allocations", name, n)
		}
	}
}
