package worker_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/worker"
)

// tracesOf keeps the trace of each log line by its text.
type tracesOf struct {
	mu   sync.Mutex
	seen map[string]trace.TraceID
}

func (*tracesOf) Enabled(context.Context, slog.Level) bool { return true }
func (l *tracesOf) WithAttrs([]slog.Attr) slog.Handler     { return l }
func (l *tracesOf) WithGroup(string) slog.Handler          { return l }

func (l *tracesOf) Handle(ctx context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen[r.Message] = trace.SpanContextFromContext(ctx).TraceID()
	return nil
}

// of returns the trace of a line that begins so, and whether there is one.
func (l *tracesOf) of(text string) (id trace.TraceID, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line, id := range l.seen {
		if strings.HasPrefix(line, text) {
			return id, true
		}
	}
	return id, false
}

// TestLogLinesAboutAMessageHaveItsTrace: that it was settled, that its copy is not
// confirmed, and that its handler is overdue.
func TestLogLinesAboutAMessageHaveItsTrace(t *testing.T) {
	rabbit.Waits(t, "5 seconds until a handler is overdue")
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.queue.Concurrency, b.queue.Timeout = 2, 50*time.Millisecond
		log, leave, began := &tracesOf{seen: make(map[string]trace.TraceID)}, make(chan struct{}), make(chan trace.TraceID, 2)
		release := sync.OnceFunc(func() { close(leave) })
		defer release()
		b.run(handler.Func(func(ctx context.Context, m *message.Message) error {
			began <- trace.SpanContextFromContext(ctx).TraceID()
			if m.RoutingKey == "stuck" {
				<-leave
				return nil
			}
			return retry.Permanent(errBoom)
		}), func(c *worker.Config) {
			c.Logger, c.TracerProvider = slog.New(log), sdktrace.NewTracerProvider()
		})
		fillDeadLetterQueue(b)
		for _, tt := range []struct{ key, line string }{{"refused", "worker: copy not confirmed"}, {"stuck", "worker: handler overdue"}} {
			b.publish(tt.key, 1)
			want := <-began
			b.eventually("there is a line: "+tt.line, func() bool { _, ok := log.of(tt.line); return ok })
			if got, _ := log.of(tt.line); got != want || !want.IsValid() {
				t.Errorf("%s: the trace is %v, want the trace of the message, %v", tt.line, got, want)
			}
		}
		release()
		if _, err := b.channel.QueuePurge(b.queue.Name+".dlq", false); err != nil {
			t.Fatal(err)
		}
		b.verdicts(2)
	})
}
