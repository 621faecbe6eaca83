package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/topology"
	"github.com/warren-mq/warren/worker"
)

// Queue is a work queue: the fields of worker.Queue.
type Queue struct {
	Name              string         `yaml:"name" jsonschema:"required,minLength=1,maxLength=200" jsonschema_description:"The dead-letter queue is NAME.dlq, unless dead_letters says otherwise."`
	Broker            string         `yaml:"broker" jsonschema:"maxLength=200" jsonschema_description:"The name in brokers of the broker that has the queue. Empty means broker."`
	Topology          string         `yaml:"topology" jsonschema:"enum=manage,enum=verify,enum=trust" jsonschema_description:"What the runner does about the queue, its exchange and its bindings: declare them, verify that they exist, or trust that they exist. With verify and trust it consumes a queue of someone else as it is. The default is broker.topology, which always decides about the dead-letter queue and the parking queue."`
	PerProcess        bool           `yaml:"per_process" jsonschema:"default=false" jsonschema_description:"Each process has a queue of its own, NAME.RANDOM, which is deleted when its connection ends. Each process gets every message."`
	Exchange          string         `yaml:"exchange" jsonschema:"maxLength=255" jsonschema_description:"The exchange to which the queue is bound by the handlers' keys. Empty means the default exchange: the queue gets the messages that are published to it by its name."`
	BindingArguments  map[string]any `yaml:"binding_arguments" jsonschema_description:"The arguments of each binding, for an exchange of type headers."`
	Bindings          []Binding      `yaml:"bindings" jsonschema_description:"Further bindings of the queue, of other exchanges or by other keys. A handler must match the routing keys."`
	Codec             string         `yaml:"codec" jsonschema:"maxLength=200" jsonschema_description:"The name in codecs of the codec that opens the bodies for the handlers. The default is none: handlers get bodies as they were published."`
	Concurrency       int            `yaml:"concurrency" jsonschema:"minimum=1,maximum=65535,default=1" jsonschema_description:"The number of messages handled at the same time. With batch, the number of batches."`
	MinConcurrency    int            `yaml:"min_concurrency" jsonschema:"minimum=1,maximum=65535" jsonschema_description:"Between this and concurrency, the number of messages handled at the same time follows how fast they are handled: it goes down while the service that the handlers call slows down. The default is always concurrency."`
	Prefetch          int            `yaml:"prefetch" jsonschema:"minimum=1,maximum=65535" jsonschema_description:"The highest number of unacknowledged messages. The default is twice the concurrency, or the concurrency with max_priority. With batch, it counts messages, and the default is that many times the size of the largest batch."`
	OrderBy           string         `yaml:"order_by" jsonschema:"format=order-by" jsonschema_description:"Messages with the same routing_key, correlation_id, type or header:NAME are handled in order."`
	Partitions        int            `yaml:"partitions" jsonschema:"minimum=2,maximum=64" jsonschema_description:"Keep the order of order_by in all processes together: the messages are distributed among this number of further queues, NAME.partition.0 and so on, which the processes share evenly. concurrency, prefetch and max_length apply to each of them."`
	Retry             Retry          `yaml:"retry" jsonschema_description:"When a failed message is tried again."`
	HoldRetries       bool           `yaml:"hold_retries" jsonschema:"default=false" jsonschema_description:"Failed messages wait in the runner for their next attempt, unacknowledged and within prefetch, instead of in the parking queue. The longest delay is then 20m."`
	Delays            string         `yaml:"delays" jsonschema:"enum=native" jsonschema_description:"native: RabbitMQ 4.3 or later keeps a failed message in the queue until its next attempt. The n-th pause is n times the initial_interval, up to the max_interval; with a multiplier of 1 all pauses are equal. single_active and partitions are refused. The default is a copy in the parking queue."`
	DeadLetters       DeadLetters    `yaml:"dead_letters" jsonschema_description:"Where dead letters go. The default is the queue NAME.dlq."`
	Limit             SharedLimit    `yaml:"limit" jsonschema_description:"A limit for the handlers of the queue that all runners with the same broker share. Either concurrency or rate is required."`
	Breaker           Breaker        `yaml:"breaker" jsonschema_description:"Stop handling messages while the service that the handlers call is down. Messages wait meanwhile, and spend no attempt."`
	Timeout           Limit          `yaml:"timeout" jsonschema:"default=1m" jsonschema_description:"The limit for one attempt of a handler, or \"none\"."`
	MaxBodyBytes      Size           `yaml:"max_body_bytes" jsonschema:"default=16MiB" jsonschema_description:"Larger messages are dead-lettered."`
	Type              string         `yaml:"type" jsonschema:"enum=quorum,enum=classic,enum=stream" jsonschema_description:"The default is quorum, or classic with max_priority or per_process."`
	MaxPriority       int            `yaml:"max_priority" jsonschema:"minimum=1,maximum=10" jsonschema_description:"The highest priority. It makes the queue a classic queue, which delivers messages by priority, unless type is quorum."`
	DeliveryLimit     int            `yaml:"delivery_limit" jsonschema:"minimum=1,maximum=2147483647" jsonschema_description:"How often the broker delivers a message before it dead-letters it. The default is 20. With single_active and partitions, stops do not count. For quorum queues only."`
	MessageTTL        Duration       `yaml:"message_ttl" jsonschema_description:"A message that has waited this long is dead-lettered."`
	MaxLength         int            `yaml:"max_length" jsonschema:"minimum=1,maximum=2147483647" jsonschema_description:"The highest number of ready messages. The broker rejects further ones."`
	SingleActive      bool           `yaml:"single_active" jsonschema:"default=false" jsonschema_description:"Of all consumers in all processes, one at a time gets messages."`
	Arguments         map[string]any `yaml:"arguments" jsonschema_description:"Added to the queue's AMQP arguments. They override the others. null leaves an argument out."`
	OnlyArguments     bool           `yaml:"only_arguments" jsonschema:"default=false" jsonschema_description:"Leave out all AMQP arguments that the runner would add, so that arguments has all of them. A setting such as single_active then needs its argument there."`
	ConsumerArguments map[string]any `yaml:"consumer_arguments" jsonschema_description:"AMQP arguments of the queue's consumers, such as x-priority, and x-stream-offset of a stream: first, last, next or a number."`
	Paused            bool           `yaml:"paused" jsonschema:"default=false" jsonschema_description:"Do not consume until the queue is resumed."`
	Handlers          []Handler      `yaml:"handlers" jsonschema:"required,minItems=1" jsonschema_description:"A handler has one of exec, persistent, webhook, forward, log and go."`
}

// Worker returns q as the worker's queue. Its exchange has the type in exchanges.
func (q Queue) Worker(exchanges []Exchange) worker.Queue {
	w := worker.Queue{
		Name: q.Name, Exchange: q.Exchange, BindingArguments: q.BindingArguments,
		Concurrency: q.Concurrency, Prefetch: q.Prefetch, OrderBy: orderBy(q.OrderBy), Partitions: q.Partitions,
		Retry: q.Retry.Policy(), Delays: q.Delays, Timeout: time.Duration(q.Timeout), MaxBodyBytes: int(q.MaxBodyBytes),
		Type: q.Type, MaxPriority: q.MaxPriority, DeliveryLimit: q.DeliveryLimit,
		MessageTTL: time.Duration(q.MessageTTL), MaxLength: q.MaxLength, SingleActive: q.SingleActive, Arguments: q.Arguments,
		Topology: topology.Mode(q.Topology), PerProcess: q.PerProcess, HoldRetries: q.HoldRetries, DeadLetters: q.DeadLetters.Topology(),
		OnlyArguments: q.OnlyArguments, ConsumerArguments: q.ConsumerArguments,
	}
	for _, b := range q.Bindings {
		w.Bindings = append(w.Bindings, topology.Binding{Exchange: b.Exchange, Key: b.Key, Arguments: b.Arguments})
	}
	i := slices.IndexFunc(exchanges, func(e Exchange) bool { return e.Name == q.Exchange })
	if i >= 0 {
		w.ExchangeKind, w.ExchangeArguments = exchanges[i].Type, exchanges[i].Arguments
	}
	return w
}

// Binding binds a queue to an exchange.
type Binding struct {
	Exchange  string         `yaml:"exchange" jsonschema:"required,minLength=1,maxLength=255"`
	Key       string         `yaml:"key" jsonschema:"maxLength=255" jsonschema_description:"The routing key, or a pattern for a topic exchange."`
	Arguments map[string]any `yaml:"arguments" jsonschema_description:"The arguments of the binding, for an exchange of type headers."`
}

// DeadLetters is where dead letters go: see topology.DeadLetters.
type DeadLetters struct {
	Queue         string   `yaml:"queue" jsonschema:"maxLength=255" jsonschema_description:"The name of the dead-letter queue, which is declared. Queues may share one."`
	MessageTTL    Duration `yaml:"message_ttl" jsonschema_description:"How long a dead letter is kept. The default is no limit."`
	MaxLength     int      `yaml:"max_length" jsonschema:"minimum=1,maximum=2147483647" jsonschema_description:"The highest number of dead letters."`
	Overflow      string   `yaml:"overflow" jsonschema:"enum=reject-publish,enum=drop-head" jsonschema_description:"Beyond max_length: refuse further dead letters, whose messages stay in the work queue, or delete the oldest. The default is reject-publish."`
	Exchange      string   `yaml:"exchange" jsonschema:"maxLength=255" jsonschema_description:"An existing exchange that takes the dead letters, by key."`
	Key           string   `yaml:"key" jsonschema:"maxLength=255" jsonschema_description:"The routing key of the dead letters. The default is the key of the message. Without exchange, it is the name of an existing queue."`
	Reject        bool     `yaml:"reject" jsonschema:"default=false" jsonschema_description:"Reject dead letters, so that RabbitMQ moves them by the queue's dead-letter exchange, without a failure record. If it has none, RabbitMQ deletes them; with queue, exchange or key that is a fault."`
	Discard       bool     `yaml:"discard" jsonschema:"default=false" jsonschema_description:"Delete dead letters. They are lost; each is counted and logged."`
	WithoutRecord bool     `yaml:"without_record" jsonschema:"default=false" jsonschema_description:"Leave the headers of the failure record out of dead letters."`
}

// Topology returns d in the form of package topology.
func (d DeadLetters) Topology() topology.DeadLetters {
	return topology.DeadLetters{
		Queue: d.Queue, MessageTTL: time.Duration(d.MessageTTL), MaxLength: d.MaxLength, Overflow: d.Overflow,
		Exchange: d.Exchange, Key: d.Key, Reject: d.Reject, Discard: d.Discard, WithoutRecord: d.WithoutRecord,
	}
}

// DeadLetterQueue returns the name of the queue that takes the dead letters of q, or "" if
// there is none in the configuration.
func (q Queue) DeadLetterQueue() string {
	return topology.WorkQueue{Name: q.Name, DeadLetters: q.DeadLetters.Topology()}.DeadLetterQueue()
}

// Retry is the schedule of a queue's retries.
type Retry struct {
	MaxAttempts         int      `yaml:"max_attempts" jsonschema:"minimum=-1,maximum=2147483647,default=20" jsonschema_description:"The number of attempts, the first included. 1 means no retries, -1 means no limit."`
	InitialInterval     Duration `yaml:"initial_interval" jsonschema:"default=1s" jsonschema_description:"The pause after the first failure."`
	Multiplier          float64  `yaml:"multiplier" jsonschema:"minimum=1,maximum=1000,default=2" jsonschema_description:"The factor from each pause to the next. With native delays only 1."`
	MaxInterval         Duration `yaml:"max_interval" jsonschema:"default=10m" jsonschema_description:"The longest pause."`
	RandomizationFactor float64  `yaml:"randomization_factor" jsonschema:"minimum=0,maximum=1,default=0.2" jsonschema_description:"The largest random change of a pause, as a fraction of the pause. With native delays only 0."`
}

// Policy returns r as the worker's retry policy.
func (r Retry) Policy() retry.Policy {
	return retry.Policy{
		MaxAttempts: r.MaxAttempts, InitialInterval: time.Duration(r.InitialInterval), Multiplier: r.Multiplier,
		MaxInterval: time.Duration(r.MaxInterval), RandomizationFactor: orNone(r.RandomizationFactor),
	}
}

// Policy returns b as a retry policy.
func (b Backoff) Policy() retry.Policy {
	p := retry.Policy{
		InitialInterval: time.Duration(b.InitialInterval), Multiplier: b.Multiplier, MaxInterval: time.Duration(b.MaxInterval),
	}
	if b.RandomizationFactor != nil {
		p.RandomizationFactor = orNone(*b.RandomizationFactor)
	}
	return p
}

// orNone returns the factor for a retry.Policy, where zero means the default and -1 means
// none.
func orNone(factor float64) float64 {
	if factor == 0 {
		return -1
	}
	return factor
}

// orderBy returns the function for order_by, or nil if it is empty.
func orderBy(what string) func(*message.Message) string {
	switch what {
	case "":
		return nil
	case "routing_key":
		return func(m *message.Message) string { return m.RoutingKey }
	case "correlation_id":
		return func(m *message.Message) string { return m.CorrelationID }
	case "type":
		return func(m *message.Message) string { return m.Type }
	}
	header := strings.TrimPrefix(what, "header:")
	return func(m *message.Message) string {
		if v, ok := m.Headers[header]; ok {
			return fmt.Sprint(v)
		}
		return ""
	}
}
