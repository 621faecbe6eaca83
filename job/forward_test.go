package job_test

import (
	"context"
	"errors"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/job"
	"github.com/warren-mq/warren/message"
)

func TestForwardSendsTheMessageAsItIs(t *testing.T) {
	t.Parallel()
	var sent message.Message
	sender := sendFunc(func(_ context.Context, exchange, key string, m *message.Message) error {
		if sent = *m; exchange != "audit" || key != "user.signed_up" {
			t.Errorf("sent to %q with %q, want to audit with the key it had", exchange, key)
		}
		return nil
	})
	m := &message.Message{
		ID: "42", Body: []byte("body"), ContentType: "text/plain", ContentEncoding: "gzip", Type: "signup", CorrelationID: "c", ReplyTo: "r",
		Expiration: "1000", AppID: "shop", Timestamp: time.Unix(1, 0), Priority: 9, Transient: true,
		Exchange: "events", RoutingKey: "user.signed_up", Headers: message.Headers{"x-tenant": "blue", "n": int64(7)},
	}
	want := *m
	want.Exchange, want.Headers = "audit", message.Headers{"x-tenant": "blue", "n": int64(7), "traceparent": "00-01000000000000000000000000000000-0200000000000000-01"}
	m.UserID, m.Queue, m.Attempt, m.Redelivered, m.DeliveryCount = "alice", "welcome", 3, true, 2
	for _, name := range []string{"warren-error", "warren-retry-count", "x-death", "x-first-death-queue", "x-delivery-count", "CC", "BCC", "traceparent", "tracestate"} {
		m.Headers[name] = "old"
	}
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled})
	h := handler(t, job.Forward{Exchange: "audit", Sender: sender})
	if err := h.Handle(trace.ContextWithSpanContext(t.Context(), span), m); err != nil {
		t.Fatal(err)
	}
	if _, ok := sent.Headers.Int(record.HeaderPublishedAt); !ok {
		t.Errorf("the headers %v do not say when it was published", sent.Headers)
	}
	delete(sent.Headers, record.HeaderPublishedAt)
	if !reflect.DeepEqual(sent, want) {
		t.Errorf("sent\n%+v, want\n%+v", sent, want)
	}
	if len(m.Headers) != 11 || m.Queue != "welcome" {
		t.Errorf("the message has become %+v, want it left alone", m)
	}
}

func TestForwardIsDoneOnceItIsSent(t *testing.T) {
	t.Parallel()
	refused := errors.New("broker: unroutable")
	tests := map[string]struct {
		exchange, key string
		err           error
		want          string
	}{
		"what is sent is done":                     {"audit", "k", nil, "ack"},
		"another key will do":                      {"events", "k", nil, "ack"},
		"another exchange will do":                 {"audit", "", nil, "ack"},
		"the default exchange will do":             {"", "queue", nil, "ack"},
		"what is not sent is tried again":          {"audit", "k", refused, "retry"},
		"the same way again makes a dead letter":   {"events", "", nil, "dead-letter"},
		"the same way, named, makes a dead letter": {"events", "user.signed_up", nil, "dead-letter"},
	}
	for name, tt := range tests {
		sender := sendFunc(func(context.Context, string, string, *message.Message) error { return tt.err })
		err := handler(t, job.Forward{Exchange: tt.exchange, Key: tt.key, Sender: sender}).Handle(t.Context(), &message.Message{Exchange: "events", RoutingKey: "user.signed_up"})
		if verdict(err) != tt.want || tt.err != nil && !errors.Is(err, tt.err) {
			t.Errorf("%s: got %v, want %s", name, err, tt.want)
		}
	}
}

func TestLogWritesALine(t *testing.T) {
	t.Parallel()
	m := signedUp()
	m.Headers = message.Headers{"x-tenant": "blue\x1b[1m", "warren-error": "ours"}
	const metadata = `message_id=42 attempt=3 queue=welcome exchange=events routing_key=user.signed_up content_type=text/plain content_encoding=gzip ` +
		`type=signup timestamp=2026-01-02T03:04:05Z priority=9 redelivered=false headers.x-tenant=blue `
	tests := map[string]struct {
		config job.Log
		body   string
		want   string
	}{
		"with all of a short body":         {job.Log{}, "a\x00\nb", `level=INFO msg="job: message" ` + metadata + `size=4 body="a b"` + "\n"},
		"with the beginning of a long one": {job.Log{MaxBodyBytes: 8}, "123456789", `level=INFO msg="job: message" ` + metadata + "size=9 body=12345…\n"},
		"without a body":                   {job.Log{MaxBodyBytes: -1}, "body", `level=INFO msg="job: message" ` + metadata + "size=4\n"},
		"at a level of its own":            {job.Log{MaxBodyBytes: -1, Level: slog.LevelError}, "", `level=ERROR msg="job: message" ` + metadata + "size=0\n"},
		"that is too low to be shown":      {job.Log{Level: slog.LevelDebug}, "", ""},
	}
	for name, tt := range tests {
		var l logged
		tt.config.Logger = logTo(&l, slog.LevelInfo)
		m.Body = []byte(tt.body)
		if err := handler(t, tt.config).Handle(t.Context(), m); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		_, got, _ := strings.Cut(l.String(), " ") // after the time
		if got != tt.want {
			t.Errorf("%s: logged\n%s, want\n%s", name, got, tt.want)
		}
	}
}
