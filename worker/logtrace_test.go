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

	"github.com/warren-mq/warren/broker"
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

// TestLogLinesWithoutAnAttemptHaveTheTraceOfThePublish: the message is handled alone, its OrderBy
// panics, or it is delayed and no queue takes it when it is due.
func TestLogLinesWithoutAnAttemptHaveTheTraceOfThePublish(t *testing.T) {
	t.Parallel()
	published := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled})
	for line, tt := range map[string]struct {
		change func(*worker.Queue)
		key    string
		delay  time.Duration
		losses int
	}{
		"worker: message handled alone":     {func(q *worker.Queue) { q.Concurrency = 4 }, "known", 0, 2},
		"worker: OrderBy failed":            {func(q *worker.Queue) { q.OrderBy = func(*message.Message) string { panic("no key") } }, "known", 0, 0},
		"worker: delayed message not taken": {func(*worker.Queue) {}, "unknown", 100 * time.Millisecond, 0},
	} {
		rabbit.Run(t, line, func(t *testing.T) {
			b := newBench(t)
			tt.change(&b.queue)
			only := map[string]handler.Handler{"known": nothing}
			if err := b.runMux(only).finish(); err != nil { // it has declared the queue
				t.Fatal(err)
			}
			var options []broker.Option
			if tt.delay > 0 {
				options = append(options, broker.WithDelay(tt.delay))
			}
			ctx := trace.ContextWithRemoteSpanContext(t.Context(), published)
			if err := b.pub.Publish(ctx, tt.key, 1, options...); err != nil {
				t.Fatal(err)
			}
			for range tt.losses {
				loseFirst(b)
			}
			log := &tracesOf{seen: make(map[string]trace.TraceID)}
			b.runMux(only, func(c *worker.Config) { c.Logger = slog.New(log) })
			b.eventually("there is a line: "+line, func() bool { _, ok := log.of(line); return ok })
			if got, _ := log.of(line); got != published.TraceID() {
				t.Errorf("%s: the trace is %v, want the trace of the publish, %v", line, got, published.TraceID())
			}
		})
	}
}
