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
	"github.com/warren-mq/warren/fleet"
	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/check"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/middleware"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/topology"
)

// Config configures a Worker: its connections to the broker and the settings that all of its
// queues share.
type Config struct {
	Broker broker.Config
	// If Connections is set, the worker uses it and ignores Broker. Connections.Run must
	// run beside the worker, and must return after Worker.Run.
	Connections *Connections
	// Grace is how long running handlers may take to finish once the worker is told to stop.
	// Then their contexts are cancelled, with ErrGraceExpired as the cause, and their messages
	// are requeued. Zero means 30 s; a negative value means no grace.
	Grace time.Duration
	// Middleware wraps the handlers of every queue. The first is the outermost.
	Middleware []handler.Middleware
	// Logger receives a line for each event. Nil means slog.Default().
	Logger *slog.Logger

	// TracerProvider makes the spans of messages handled and published, MeterProvider
	// measures them, and Propagator reads and writes the trace context in their headers.
	// Nil means OpenTelemetry's global one, even if the program sets that later. Where Broker
	// has none of its own, it uses these.
	TracerProvider trace.TracerProvider
	MeterProvider  metric.MeterProvider
	Propagator     propagation.TextMapPropagator

	// Fleet has the process announce itself and accept commands: see package fleet. Workers
	// with the same Connections announce themselves together, with the Fleet of the one that
	// started first. Nil means neither.
	Fleet *fleet.Config
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

// Queue configures a work queue: where its messages come from and how they are handled.
type Queue struct {
	// Name is the name of the queue, 1 to 200 bytes. Its dead-letter queue is <Name>.dlq, its
	// parking queue <Name>.delay.
	Name string
	// Exchange is the exchange to which the queue is bound by the handled keys. It is declared
	// as a durable topic exchange, or as ExchangeKind says: direct, fanout or headers. Empty
	// means the default exchange, by which messages are published to the queue's name.
	Exchange     string
	ExchangeKind string
	// ExchangeArguments are the arguments of the exchange, such as alternate-exchange.
	ExchangeArguments message.Headers
	// BindingArguments are the arguments of each binding, for a headers exchange.
	BindingArguments message.Headers
	// Bindings are further bindings of the queue: of other exchanges, or by other keys. A
	// handler must match the routing keys. The exchanges must exist; Warren does not declare
	// them. The field Queue is ignored.
	Bindings []topology.Binding
	// Topology is what the worker does about the queue, its exchange and its bindings, if they
	// have another owner than Warren's own queues (the dead-letter queue and the parking
	// queues): topology.Verify and topology.Trust consume a queue that exists as it is. Empty
	// means the Topology of broker.Config, which always decides about Warren's own queues.
	Topology topology.Mode
	// PerProcess makes the queue one that belongs to this process, for messages that each
	// process is to receive. Its name on the broker is Name, a dot and random letters. It is
	// exclusive and classic, and is deleted when the connection ends, with its messages; the
	// next connection declares it again, empty. It is declared in every mode. Retries wait in
	// the worker.
	PerProcess bool

	// Concurrency is the number of messages that are handled at a time. Zero means 1.
	Concurrency int
	// Prefetch is the largest number of messages that the broker sends before they are
	// settled, including those being handled. Zero means twice the concurrency, or with
	// MaxPriority the concurrency, since an urgent message cannot overtake messages that were
	// sent already. It must not be less than Concurrency; SetConcurrency raises it where
	// needed. Keep it small: when the process crashes, the broker counts a delivery for every
	// message that it had sent.
	// On a quorum queue with a Concurrency above 1 and neither OrderBy nor SingleActive, the
	// first message after a start or a loss is fetched alone, and so is each message that was
	// delivered twice before without an outcome. Such a message may be the one that crashes
	// the process, and the messages beside it would be dead-lettered with it.
	Prefetch int
	// OrderBy returns the key of a message. This process handles messages with the same key
	// one after the other, in the order of their delivery. A retried message leaves that
	// order. If OrderBy is nil, only a Concurrency of 1 keeps the order.
	OrderBy func(*message.Message) string

	// Partitions keeps the order per key in all processes together, not in each one alone: the
	// messages are distributed among this number of further queues, <Name>.partition.0 and so
	// on, by a hash of the key that OrderBy returns, which is required. 2 to 64; zero means no
	// partitions. Each of these queues has a single active consumer, and the processes share
	// them evenly. Concurrency, Prefetch and MaxLength apply to each partition. The type is
	// quorum, without priorities and native delays. docs/partitions.md describes what this costs.
	Partitions int

	// Retry is the policy for failed messages. Zero fields take their values from
	// retry.Default.
	Retry retry.Policy
	// HoldRetries has retries wait in the worker, unacknowledged, instead of in the parking
	// queue. Each waiting message takes one place of Prefetch, and the broker delivers
	// it again after a crash. A delay of more than 20 minutes becomes 20 minutes. As in the copy of another retry, the next
	// attempt has the expiration and the user id as headers, and neither CC, BCC nor x-death; if the
	// message was requeued meanwhile, it has its own properties. Attempts are counted in this process,
	// and across processes by the delivery count of a quorum queue. Streams and queues with
	// PerProcess always do so, and other queues do while their user cannot publish to the
	// parking queue, with a warning in Health.
	HoldRetries bool
	// DeadLetters is where dead letters go. The zero value is the queue <Name>.dlq.
	DeadLetters topology.DeadLetters
	// Delays is topology.Native, or empty. With native delays RabbitMQ, 4.3 or later, keeps a
	// failed message in the queue until it is tried again. No copy is made, and the failure
	// record is written after the last attempt only. Retry.Multiplier and
	// Retry.RandomizationFactor are then zero: the n-th pause is n times InitialInterval, up to
	// MaxInterval. A Multiplier of 1 makes all pauses equal. A lost connection counts as an
	// attempt. SingleActive and Partitions are refused. docs/delivery.md compares the promises.
	Delays string
	// Timeout bounds one run of the handler. Zero means 1 minute; a negative value means no
	// bound. It should be less than the broker's consumer timeout (30 minutes by default).
	Timeout time.Duration
	// MaxBodyBytes is the size of the largest body that is handled. Messages with larger
	// bodies are dead-lettered. Zero means 16 MiB.
	MaxBodyBytes int
	// Middleware wraps this queue's handlers, inside the Middleware of Config.
	Middleware []handler.Middleware

	// Type is topology.Quorum, topology.Classic or topology.Stream. Empty means quorum, or
	// classic with MaxPriority or PerProcess. A stream keeps no offsets: each start begins
	// where the consumer argument x-stream-offset says, and a consumer that replaces another one
	// in the same process, after a loss, a pause or a change of the concurrency, begins at the
	// first message that is not settled. Messages behind it are then handled again.
	Type string
	// MaxPriority is the highest priority of messages, 1 to 10. Zero means no priorities.
	// With the Type topology.Quorum it changes only the default of Prefetch, because a quorum
	// queue takes no such argument: see docs/delivery.md for what brokers make of priorities.
	MaxPriority int
	// DeliveryLimit is how often the broker delivers a message without an outcome before it
	// dead-letters the message, for messages that crash the process. Zero means 20. With
	// SingleActive or Partitions the worker dead-letters the message, and does not count its own stops:
	// see topology.StopAllowance.
	DeliveryLimit int
	// MessageTTL is how long a message may wait before it is dead-lettered. Zero means no
	// limit.
	MessageTTL time.Duration
	// MaxLength bounds the number of waiting messages; publishes beyond it fail with
	// ErrNacked. Zero means no bound.
	MaxLength int
	// SingleActive has the broker deliver to one consumer at a time, among all processes.
	SingleActive bool
	// Arguments are added to the arguments above, and replace equal ones. A nil value leaves
	// an argument out.
	Arguments message.Headers
	// OnlyArguments leaves out all arguments that Warren would add, so that Arguments are all
	// arguments of the queue. Type then says only what kind of queue it is. A setting whose
	// argument is missing is an error: SingleActive, MessageTTL, MaxLength, MaxPriority,
	// DeliveryLimit, or DeadLetters with Reject and a place to go.
	OnlyArguments bool
	// ConsumerArguments are the arguments of the queue's consumers, such as x-priority and
	// x-stream-offset.
	ConsumerArguments message.Headers
}

func (q Queue) withDefaults() Queue {
	q.Concurrency = cmp.Or(q.Concurrency, 1)
	q.Retry = q.retryPolicy()
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

// maxPrefetch is the largest prefetch in AMQP 0-9-1.
const maxPrefetch = 1<<16 - 1

func (q Queue) validate(keys []string) error {
	f := check.Of(fmt.Sprintf("worker: queue %q", q.Name))
	f.Add(q.WorkQueue(keys).Validate(), q.Retry.Validate(), q.Topology.Validate())
	q.validateDelays(f)
	f.Addf(q.Partitions > 0 && q.OrderBy == nil, "Partitions is %d and OrderBy is nil, want a function that returns the key", q.Partitions)
	f.Addf(len(keys) == 0, "no handler is registered")
	f.Addf(q.Concurrency < 1, "Concurrency is %d, want 1 or more", q.Concurrency)
	f.Addf(q.Prefetch < 0 || q.Prefetch > maxPrefetch, "Prefetch is %d, want 0 to %d", q.Prefetch, maxPrefetch)
	f.Addf(q.Prefetch > 0 && q.Prefetch < q.Concurrency, "Prefetch is %d, want %d or more: with less than the Concurrency some goroutines never get a message", q.Prefetch, q.Concurrency)
	f.Addf(q.prefetch(q.Concurrency) > maxPrefetch, "Concurrency %d needs a prefetch of %d, want at most %d", q.Concurrency, q.prefetch(q.Concurrency), maxPrefetch)
	f.Addf(q.MaxBodyBytes < 0, "MaxBodyBytes is %d, want 0 or more", q.MaxBodyBytes)
	return f.Err()
}

// instance returns a placeholder for the part of the name that belongs to one process.
func (q Queue) instance() string {
	if q.PerProcess {
		return "process"
	}
	return ""
}

// WorkQueue returns what a worker declares for q with handlers for keys.
func (q Queue) WorkQueue(keys []string) topology.WorkQueue {
	w := topology.WorkQueue{
		Name: q.Name, Exchange: q.Exchange, ExchangeKind: q.ExchangeKind, ExchangeArguments: q.ExchangeArguments, Keys: keys, BindingArguments: q.BindingArguments,
		Type: q.Type, MaxPriority: q.MaxPriority, DeliveryLimit: q.DeliveryLimit, MessageTTL: q.MessageTTL,
		MaxLength: q.MaxLength, SingleActive: q.SingleActive, Arguments: q.Arguments,
		Bindings: q.Bindings, DeadLetters: q.DeadLetters, OnlyArguments: q.OnlyArguments, Instance: q.instance(),
		Partitions: q.Partitions,
	}
	q.retryPauses(&w)
	return w
}
