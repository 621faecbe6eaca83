package worker

import (
	"cmp"
	"fmt"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/check"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/middleware"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/topology"
)

// Config is that of a worker: one process's connections and what all its queues
// share. The zero value works with the broker on this machine.
type Config struct {
	Broker broker.Config
	// Connections are used instead of ones of its own, if set, and Broker is not: they
	// must be run beside the worker, and longer.
	Connections *Connections
	// Grace is how long handlers in hand may go on once the worker is told to
	// stop; then their contexts are cancelled, with ErrGraceExpired as the cause,
	// and their messages released. 30s if zero, none if negative.
	Grace time.Duration
	// Middleware wraps the handlers of every queue, the first outermost.
	Middleware []handler.Middleware
	// Logger takes the worker's events; slog.Default() if nil.
	Logger *slog.Logger

	// TracerProvider makes the spans of messages handled and published, MeterProvider
	// measures them, and Propagator reads and writes the trace context in their headers.
	// Nil means the global one of OpenTelemetry, also where the program sets it later.
	// Broker takes those it lacks from here.
	TracerProvider trace.TracerProvider
	MeterProvider  metric.MeterProvider
	Propagator     propagation.TextMapPropagator
}

func (c Config) withDefaults() Config {
	c.Grace = max(cmp.Or(c.Grace, 30*time.Second), 0)
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Broker.TracerProvider == nil {
		c.Broker.TracerProvider = c.TracerProvider
	}
	if c.Broker.MeterProvider == nil {
		c.Broker.MeterProvider = c.MeterProvider
	}
	if c.Broker.Propagator == nil {
		c.Broker.Propagator = c.Propagator
	}
	return c
}

// observing returns the middleware that traces and measures every message.
func (c Config) observing() []handler.Middleware {
	return []handler.Middleware{
		middleware.Trace(middleware.TraceConfig{TracerProvider: c.TracerProvider, Propagator: c.Propagator}),
		middleware.Metrics(middleware.MetricsConfig{MeterProvider: c.MeterProvider}),
	}
}

// Queue is a work queue: where its messages come from and how they are worked on.
type Queue struct {
	// Name of the queue, at most 200 bytes. The dead-letter queue is <Name>.dlq.
	Name string
	// Exchange the handled keys are bound to; it is declared as a durable topic
	// exchange unless ExchangeKind says direct, fanout or headers. Empty means
	// the default exchange: what is published to the queue by its name.
	Exchange     string
	ExchangeKind string
	// ExchangeArguments are those the exchange is declared with, such as
	// alternate-exchange.
	ExchangeArguments message.Headers
	// BindingArguments go with each binding, as a headers exchange needs them.
	BindingArguments message.Headers

	// Concurrency is the number of messages in hand at a time; 1 if zero.
	Concurrency int
	// Prefetch is the number of messages the broker sends ahead, those in hand
	// included. If zero it is twice the concurrency, or with MaxPriority just the
	// concurrency: an urgent message does not overtake one already here. Less than
	// Concurrency is an error; SetConcurrency raises it where needed. A crash counts
	// as a delivery for every prefetched message, so keep it small.
	// On a quorum queue without an order to keep (a Concurrency above 1, and neither
	// OrderBy nor SingleActive) the first message after a start or a loss comes alone, and so
	// does each that was delivered twice before without an outcome: it may be what
	// kills the process, and must not take others to the dead-letter queue with it.
	Prefetch int
	// OrderBy names what must stay in order: messages for which it returns the
	// same text are handled one after the other, in the order they came, by this
	// process. Retries step out of it. Nil means no such order.
	OrderBy func(*message.Message) string

	// Retry says when a failed message is tried again; retry.Default() where its
	// fields are zero.
	Retry retry.Policy
	// Timeout bounds one run of the handler; 1 minute if zero, none if negative.
	// It should stay below the broker's consumer timeout (30 minutes by default).
	Timeout time.Duration
	// MaxBodyBytes is the largest body that is handled; larger ones are
	// dead-lettered. 16 MiB if zero.
	MaxBodyBytes int
	// Middleware wraps this queue's handlers, inside that of Config.
	Middleware []handler.Middleware

	// Type is topology.Quorum if empty, or topology.Classic.
	Type string
	// MaxPriority makes priorities 1 to 10 count and the queue classic.
	MaxPriority int
	// DeliveryLimit is how often the broker delivers a message before it
	// dead-letters it by itself: it stops what kills the process. 20 if zero.
	DeliveryLimit int
	// MessageTTL dead-letters what has waited so long; none if zero.
	MessageTTL time.Duration
	// MaxLength bounds the messages waiting; publishers get ErrNacked beyond it.
	MaxLength int
	// SingleActive lets one consumer at a time receive, among all processes.
	SingleActive bool
	// Arguments are added to the queue's own, and win over them.
	Arguments message.Headers
}

func (q Queue) withDefaults() Queue {
	q.Concurrency = cmp.Or(q.Concurrency, 1)
	q.Retry = q.Retry.WithDefaults()
	q.Timeout = max(cmp.Or(q.Timeout, time.Minute), -1)
	q.MaxBodyBytes = cmp.Or(q.MaxBodyBytes, 16<<20)
	return q
}

// prefetch returns what keeps that many goroutines busy and no more.
func (q Queue) prefetch(concurrency int) int {
	switch {
	case q.Prefetch > 0:
		return max(q.Prefetch, concurrency) // SetConcurrency may have raised it
	case q.MaxPriority > 0:
		return concurrency
	}
	return 2 * concurrency
}

// maxPrefetch is what AMQP can say.
const maxPrefetch = 1<<16 - 1

func (q Queue) validate(keys []string) error {
	f := check.Of(fmt.Sprintf("worker: queue %q", q.Name))
	f.Add(q.workQueue(keys).Validate(), q.Retry.Validate())
	f.Addf(len(keys) == 0, "no handler is registered")
	f.Addf(q.Concurrency < 1, "Concurrency is %d, want 1 or more", q.Concurrency)
	f.Addf(q.Prefetch < 0 || q.Prefetch > maxPrefetch, "Prefetch is %d, want 0 to %d", q.Prefetch, maxPrefetch)
	f.Addf(q.Prefetch > 0 && q.Prefetch < q.Concurrency, "Prefetch is %d, want %d or more: with less than the Concurrency some goroutines never get a message", q.Prefetch, q.Concurrency)
	f.Addf(q.prefetch(q.Concurrency) > maxPrefetch, "Concurrency %d needs a prefetch of %d, want at most %d", q.Concurrency, q.prefetch(q.Concurrency), maxPrefetch)
	f.Addf(q.MaxBodyBytes < 0, "MaxBodyBytes is %d, want 0 or more", q.MaxBodyBytes)
	return f.Err()
}

func (q Queue) workQueue(keys []string) topology.WorkQueue {
	return topology.WorkQueue{
		Name: q.Name, Exchange: q.Exchange, ExchangeKind: q.ExchangeKind, ExchangeArguments: q.ExchangeArguments, Keys: keys, BindingArguments: q.BindingArguments,
		Type: q.Type, MaxPriority: q.MaxPriority, DeliveryLimit: q.DeliveryLimit, MessageTTL: q.MessageTTL,
		MaxLength: q.MaxLength, SingleActive: q.SingleActive, Arguments: q.Arguments,
	}
}
