package tracetest_test

import (
	"context"
	"testing"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/internal/telemetry"
	"github.com/warren-mq/warren/retry"
)

// TestACallIsOneTrace: the caller's spans, the handler's and the reply's.
func TestACallIsOneTrace(t *testing.T) {
	t.Parallel()
	queue, pub, _ := setup(t, handler.Replies(func(_ context.Context, n int) (int, error) {
		if n < 0 {
			return 0, retry.Permanent(errBoom)
		}
		return n, nil
	}))
	for _, tt := range []struct {
		number int
		reason string
	}{{7, ""}, {-7, "permanent"}} {
		ctx, caller := otel.Tracer("test").Start(t.Context(), "caller")
		_, err := broker.Call[int](ctx, pub, "number", tt.number)
		caller.End()
		if (err != nil) != (tt.reason != "") {
			t.Errorf("the call returned %v", err)
		}
		in := func(name string) (found sdktrace.ReadOnlySpan) {
			rabbit.Eventually(t, patience, func() bool {
				for _, s := range of(name) {
					if s.SpanContext().TraceID() == caller.SpanContext().TraceID() {
						found = s
					}
				}
				return found != nil
			}, name+" is in the trace")
			return found
		}
		request, process := in(telemetry.PublishSpanName(queue+"-events")), in(telemetry.ProcessSpanName(queue))
		reply, receive := in(telemetry.PublishSpanName("")), in(telemetry.ReceiveSpanName("amq.rabbitmq.reply-to"))
		for _, link := range []struct{ child, parent trace.SpanContext }{
			{request.Parent(), caller.SpanContext()},
			{process.Parent(), request.SpanContext()},
			{reply.Parent(), process.SpanContext()},
			{receive.Parent(), caller.SpanContext()},
		} {
			if link.child.SpanID() != link.parent.SpanID() {
				t.Errorf("the parent is %v, want %v", link.child.SpanID(), link.parent.SpanID())
			}
		}
		if !linked(receive, reply.SpanContext()) || receive.SpanKind() != trace.SpanKindClient {
			t.Errorf("the receiving span has the kind %v and the links %v, want a client's with a link to the reply", receive.SpanKind(), receive.Links())
		}
		attrs := attribute.NewSet(receive.Attributes()...)
		if got, _ := attrs.Value(semconv.ErrorTypeKey); got.AsString() != tt.reason || (receive.Status().Code == codes.Error) != (tt.reason != "") {
			t.Errorf("error.type is %q and the status %v, want %q", got.AsString(), receive.Status(), tt.reason)
		}
	}
}
