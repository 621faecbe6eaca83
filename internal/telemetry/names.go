package telemetry

import (
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/semconv/v1.43.0/messagingconv"
)

// Names of the metrics that the semantic conventions define.
const (
	MetricProcessDuration   = "messaging.process.duration"          // histogram, s
	MetricOperationDuration = "messaging.client.operation.duration" // histogram, s
	MetricConsumedMessages  = "messaging.client.consumed.messages"  // counter, {message}
	MetricSentMessages      = "messaging.client.sent.messages"      // counter, {message}
)

// Names of the metrics that are Warren's own.
const (
	MetricSettled         = "warren.settled"           // counter, {message}
	MetricRetries         = "warren.retries"           // counter, {message}
	MetricDeadLettered    = "warren.dead_lettered"     // counter, {message}
	MetricHandOffFailures = "warren.hand_off.failures" // counter, {attempt}
	MetricIsolated        = "warren.isolated"          // counter, {message}
	MetricReconnects      = "warren.reconnects"        // counter, {connection}
	MetricDelayFailures   = "warren.delay.failures"    // counter, {attempt}
	MetricDelayLateness   = "warren.delay.lateness"    // histogram, s
	MetricDelayWaiting    = "warren.delay.waiting"     // gauge, {message}
	MetricDelayNextDue    = "warren.delay.next_due"    // gauge, s
	MetricDelayClockSkew  = "warren.delay.clock_skew"  // gauge, s
	MetricInFlight        = "warren.inflight"          // gauge, {message}
	MetricTicks           = "warren.schedule.ticks"    // counter, {tick}
	MetricTicksFailed     = "warren.schedule.failures" // counter, {tick}
	MetricTicksMissed     = "warren.schedule.missed"   // counter, {run}: of ticks that were dropped
	MetricLastTick        = "warren.schedule.last"     // gauge, s since 1970
	MetricLeader          = "warren.schedule.leader"   // gauge, 1 or 0
	MetricQueueTime       = "warren.queue_time"        // histogram, s
	MetricQueueMessages   = "warren.queue.messages"    // gauge, {message}
	MetricQueueConsumers  = "warren.queue.consumers"   // gauge, {consumer}
	MetricDeadLetters     = "warren.dead_letters"      // gauge, {message}
	MetricConcurrency     = "warren.concurrency"       // gauge, {message}
	MetricPrefetch        = "warren.prefetch"          // gauge, {message}
	MetricState           = "warren.state"             // gauge, 1 for the state that a queue is in
	MetricOverdue         = "warren.overdue"           // gauge, {message}
	MetricLateReplies     = "warren.late_replies"      // counter, {message}
	MetricReplyFailures   = "warren.reply.failures"    // counter, {message}
	MetricPartitions      = "warren.partitions"        // gauge, {partition}
	MetricLimitHeld       = "warren.limit.held"        // gauge, {slot}
	MetricLimitWaiting    = "warren.limit.waiting"     // gauge, {message}
	MetricLimitWaitTime   = "warren.limit.wait_time"   // histogram, s

	MetricConcurrencyLimit = "warren.concurrency.limit" // gauge, {message}
	MetricConcurrencyUsed  = "warren.concurrency.used"  // gauge, {message}
	MetricBreakerState     = "warren.breaker.state"     // gauge, 1 for the state that a circuit breaker is in
	MetricBreakerWaiting   = "warren.breaker.waiting"   // gauge, {message}
)

// Names of the attributes that are Warren's own, since the conventions have none for them.
const (
	AttemptKey    = attribute.Key("warren.attempt")        // of a span: the attempt, counted from 1
	OutcomeKey    = attribute.Key("warren.outcome")        // ack, retry, dead-letter, discard or release
	ReasonKey     = attribute.Key("warren.reason")         // one of message's Reason constants; empty for a snooze
	StateKey      = attribute.Key("warren.state")          // starting, consuming, paused, idle or draining; of a circuit breaker closed, half-open or open
	GroupKey      = attribute.Key("warren.schedule.group") // the group of a scheduler
	EntryKey      = attribute.Key("warren.schedule.entry") // the name of an entry
	HandlerKey    = attribute.Key("warren.handler")        // the pattern of the handler that ran; empty if none did
	ConnectionKey = attribute.Key("warren.connection")     // consume or publish
	LimitKey      = attribute.Key("warren.limit")          // the name of a limit, and .rate for a rate
	BreakerKey    = attribute.Key("warren.breaker")        // the name of a circuit breaker
)

// Names of operations, as messaging.operation.name has them.
const (
	OperationPublish = "publish" // of type send
	OperationProcess = "process" // of type process
	OperationReceive = "receive" // of type receive
)

// defaultExchange is the name that the conventions give to the default exchange.
const defaultExchange = "amq.default"

// DestinationName returns messaging.destination.name as the conventions for RabbitMQ define
// it: exchange, routing key and, for a consumer, queue, joined by colons. It leaves out
// empty parts, and a queue with the same name as the routing key. If all parts are empty it
// returns amq.default.
func DestinationName(exchange, key, queue string) string {
	if queue == key {
		queue = ""
	}
	var b strings.Builder
	for _, part := range [...]string{exchange, key, queue} {
		if part == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(':')
		}
		b.WriteString(part)
	}
	if b.Len() == 0 {
		return defaultExchange
	}
	return b.String()
}

// PublishSpanName returns the name of a PRODUCER span. It contains only the exchange,
// because the number of routing keys is unlimited.
func PublishSpanName(exchange string) string {
	if exchange == "" {
		exchange = defaultExchange
	}
	return OperationPublish + " " + exchange
}

// ProcessSpanName returns the name of a CONSUMER span.
func ProcessSpanName(queue string) string { return OperationProcess + " " + queue }

// ReceiveSpanName returns the name of the CLIENT span that waits for a message from the queue.
func ReceiveSpanName(queue string) string { return OperationReceive + " " + queue }

// Buckets returns the boundaries of the histograms of durations, in seconds. They are the
// boundaries that the conventions recommend, which end at 10, and further ones up to 10
// minutes. A handler may take a minute by default, and more if its queue allows it.
func Buckets() []float64 {
	return []float64{0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 30, 45, 60, 90, 120, 300, 600}
}

// ProcessDuration returns the histogram of how long handlers take, in seconds. The default
// boundaries are Buckets.
func ProcessDuration(m metric.Meter, boundaries ...float64) (metric.Float64Histogram, error) {
	h, err := messagingconv.NewProcessDuration(m, bounds(boundaries))
	return h.Inst(), err
}

// OperationDuration returns the histogram of how long publishing takes, its confirm
// included, in seconds. The default boundaries are Buckets.
func OperationDuration(m metric.Meter, boundaries ...float64) (metric.Float64Histogram, error) {
	h, err := messagingconv.NewClientOperationDuration(m, bounds(boundaries))
	return h.Inst(), err
}

// ConsumedMessages returns the counter of deliveries to handlers.
func ConsumedMessages(m metric.Meter) (metric.Int64Counter, error) {
	c, err := messagingconv.NewClientConsumedMessages(m)
	return c.Inst(), err
}

// SentMessages returns the counter of messages that the program tried to publish.
func SentMessages(m metric.Meter) (metric.Int64Counter, error) {
	c, err := messagingconv.NewClientSentMessages(m)
	return c.Inst(), err
}

func bounds(b []float64) metric.HistogramOption {
	if len(b) == 0 {
		b = Buckets()
	}
	return metric.WithExplicitBucketBoundaries(b...)
}
