package tracetest_test

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	_ "modernc.org/sqlite"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/internal/telemetry"
	"github.com/warren-mq/warren/outbox"
	"github.com/warren-mq/warren/schedule"
)

// alone is an exchange with a queue, and providers that only one publisher is given.
type alone struct {
	exchange, queue string
	channel         *amqp.Channel
	config          broker.Config
	spans           *tracetest.SpanRecorder
	reader          *metric.ManualReader
}

func newAlone(t *testing.T) alone {
	t.Helper()
	url := rabbit.URL(t)
	a := alone{
		exchange: rabbit.Queue(t) + "-events", queue: rabbit.Queue(t),
		spans: tracetest.NewSpanRecorder(), reader: metric.NewManualReader(),
	}
	a.config = broker.Config{
		URL: url, TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(a.spans)),
		MeterProvider: metric.NewMeterProvider(metric.WithReader(a.reader)), Propagator: propagation.Baggage{},
	}
	ch := rabbit.Channel(t, url)
	a.channel = ch
	if err := ch.ExchangeDeclare(a.exchange, "fanout", false, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ch.ExchangeDelete(a.exchange, false, false); err != nil {
			t.Error(err)
		}
	})
	if _, err := ch.QueueDeclare(a.queue, false, false, true, false, nil); err != nil {
		t.Fatal(err)
	}
	if err := ch.QueueBind(a.queue, "", a.exchange, false, nil); err != nil {
		t.Fatal(err)
	}
	return a
}

// run runs f until the test has seen published.
func run(t *testing.T, f func(context.Context) error, published <-chan struct{}) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f(ctx) }()
	select {
	case <-published:
	case err := <-done:
		t.Fatalf("Run returned %v, want it to publish", err)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// span returns the first span of a publish, after it has checked that the global
// providers have got nothing of the exchange.
func (a alone) span(t *testing.T) sdktrace.ReadOnlySpan {
	t.Helper()
	name := telemetry.PublishSpanName(a.exchange)
	if n := len(of(name)); n != 0 {
		t.Errorf("the global provider got %d spans, want none", n)
	}
	if got := collect(t, measured, a.exchange); len(got) != 0 {
		t.Errorf("the global provider got %v, want nothing of the exchange", got)
	}
	ended := a.spans.Ended()
	if len(ended) == 0 || ended[0].Name() != name {
		t.Fatalf("the provider given has %d spans, want one named %q", len(ended), name)
	}
	return ended[0]
}

// TestALeaderUsesTheProvidersOfItsConfig and not the global ones.
func TestALeaderUsesTheProvidersOfItsConfig(t *testing.T) {
	t.Parallel()
	for name, confirm := range map[string]bool{"in a transaction": false, "confirmed": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAlone(t)
			published := make(chan struct{}, 100)
			s := schedule.New(schedule.Config{
				Name: a.queue, Broker: a.config, Logger: slog.New(slog.DiscardHandler),
				Entries: []schedule.Entry{{Name: "e", Cron: "@every 1s", Exchange: a.exchange, Confirm: confirm}},
				OnEvent: func(e schedule.Event) {
					if _, ok := e.(schedule.Published); ok {
						published <- struct{}{}
					}
				},
			})
			run(t, s.Run, published)
			for _, q := range s.Topology().Queues {
				if _, err := a.channel.QueueDelete(q.Name, false, false, false); err != nil {
					t.Error(err)
				}
			}
			a.span(t)
			if n := collect(t, a.reader, a.exchange)[telemetry.MetricSentMessages]; n < 1 {
				t.Errorf("the provider given counts %v messages, want 1 or more", n)
			}
			m, ok, err := a.channel.Get(a.queue, true)
			if err != nil || !ok || m.Headers["traceparent"] != nil {
				t.Errorf("got a message: %v, with headers %v, %v; want one without traceparent: the propagator given is Baggage alone", ok, m.Headers, err)
			}
		})
	}
}

// TestARelayUsesTheProvidersOfItsConfig and not the global ones.
func TestARelayUsesTheProvidersOfItsConfig(t *testing.T) {
	t.Parallel()
	a := newAlone(t)
	db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "test.db")+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	within, parent := a.config.TracerProvider.Tracer("test").Start(t.Context(), "the request")
	err = errors.Join(outbox.Migrate(t.Context(), db, outbox.SQLite), write(within, db, outbox.Message{Exchange: a.exchange, Key: "key", Body: 1}))
	if err != nil {
		t.Fatal(err)
	}
	published := make(chan struct{}, 1)
	r := outbox.New(outbox.Config{
		DB: db, Dialect: outbox.SQLite, Broker: a.config, Logger: slog.New(slog.DiscardHandler),
		OnEvent: func(e outbox.Event) {
			if _, ok := e.(outbox.Published); ok {
				published <- struct{}{}
			}
		},
	})
	run(t, r.Run, published)
	if p := a.span(t).Parent(); p.IsValid() {
		t.Errorf("the span's parent is %v, want none: the propagator given is Baggage alone", p.SpanID())
	}
	parent.End()
}

// write commits a message.
func write(ctx context.Context, db *sql.DB, m outbox.Message) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := outbox.Write(ctx, tx, outbox.SQLite, m); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}
