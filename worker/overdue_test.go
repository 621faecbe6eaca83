package worker_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/internal/telemetry"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/worker"
)

// lines is a buffer that many goroutines may write to.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// overdueEvents returns the HandlerOverdue events so far.
func (b *bench) overdueEvents() (all []worker.HandlerOverdue) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.events {
		if o, ok := e.(worker.HandlerOverdue); ok {
			all = append(all, o)
		}
	}
	return all
}

// gauge returns the value of a gauge, or -1 if it is not measured.
func gauge(t *testing.T, reader metric.Reader, name string) int64 {
	t.Helper()
	var data metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &data); err != nil {
		t.Fatal(err)
	}
	for _, scope := range data.ScopeMetrics {
		for _, m := range scope.Metrics {
			if g, ok := m.Data.(metricdata.Gauge[int64]); ok && m.Name == name {
				return g.DataPoints[0].Value
			}
		}
	}
	return -1
}

// TestHealthNamesAQueueWhoseSlotsAreStuck: a handler that ignores its timeout is an event,
// a log line and a metric, and once all slots are stuck the worker is not ready.
func TestHealthNamesAQueueWhoseSlotsAreStuck(t *testing.T) {
	rabbit.Waits(t, "twice 5 seconds until a handler is overdue")
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.queue.Concurrency, b.queue.Timeout = 2, 50*time.Millisecond
		leave, log, reader := make(chan struct{}), new(lines), metric.NewManualReader()
		var once sync.Once
		release := func() { once.Do(func() { close(leave) }) }
		defer release()
		r := b.run(handler.Func(func(context.Context, *message.Message) error { <-leave; return nil }), func(c *worker.Config) {
			c.Logger = slog.New(slog.NewTextHandler(log, nil))
			c.MeterProvider = metric.NewMeterProvider(metric.WithReader(reader))
		})
		if n := gauge(t, reader, telemetry.MetricOverdue); n != 0 {
			t.Errorf("%s is %d, want 0", telemetry.MetricOverdue, n)
		}
		for i := range 2 {
			b.publish(fmt.Sprint("key", i), 1, broker.WithMessageID(fmt.Sprint("stuck", i)))
			b.eventually("the handler is reported", func() bool { return len(b.overdueEvents()) == i+1 })
			e := b.overdueEvents()[i]
			if e.Queue != b.queue.Name || e.MessageID != fmt.Sprint("stuck", i) || e.RoutingKey != fmt.Sprint("key", i) || e.Attempt != 1 || e.Age < 5*time.Second {
				t.Errorf("the event is %+v, want the event of stuck%d after 5s or more", e, i)
			}
			if n := gauge(t, reader, telemetry.MetricOverdue); n != int64(i+1) {
				t.Errorf("%s is %d, want %d", telemetry.MetricOverdue, n, i+1)
			}
			if h := r.worker.Health(); h.Ready != (i == 0) || h.Queues[0].Overdue != i+1 {
				t.Errorf("with %d of 2 stuck: ready %v, %d overdue, %q", i+1, h.Ready, h.Queues[0].Overdue, h.Reasons)
			}
		}
		reasons := strings.Join(r.worker.Health().Reasons, "\n")
		for _, want := range []string{b.queue.Name, "all of its 2 handlers", "stuck0", "key0"} {
			if !strings.Contains(reasons, want) {
				t.Errorf("the reasons are %q, want %q among them", reasons, want)
			}
		}
		for _, want := range []string{"handler overdue", "queue=" + b.queue.Name, "message_id=stuck0", "routing_key=key0", "age="} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("the log lacks %q:\n%s", want, log)
			}
		}
		release()
		b.eventually("the worker is ready again", func() bool { return r.worker.Health().Ready })
		if n := len(b.overdueEvents()); n != 2 {
			t.Errorf("%d events, want one for each run", n)
		}
	})
}

// TestAHandlerThatHeedsItsTimeoutIsNotOverdue, nor is one without a deadline.
func TestAHandlerThatHeedsItsTimeoutIsNotOverdue(t *testing.T) {
	rabbit.Waits(t, "7 seconds in which nothing is overdue")
	rabbit.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.queue.Concurrency, b.queue.Timeout, b.queue.Retry.MaxAttempts = 2, 6*time.Second, 1
		r := b.run(handler.Func(func(ctx context.Context, m *message.Message) error {
			if m.RoutingKey == "quick" {
				return nil
			}
			<-ctx.Done()
			return ctx.Err()
		}))
		b.publish("slow", 1)
		b.publish("quick", 1)
		b.verdicts(2)
		if e, h := b.overdueEvents(), r.worker.Health(); len(e) > 0 || !h.Ready {
			t.Errorf("events %v, reasons %q; want none", e, h.Reasons)
		}
	})
}
