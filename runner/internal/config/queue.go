package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/worker"
)

// Queue is a work queue: the fields of worker.Queue.
type Queue struct {
	Name             string         `yaml:"name" jsonschema:"required,minLength=1,maxLength=200" jsonschema_description:"The dead-letter queue is NAME.dlq."`
	Exchange         string         `yaml:"exchange" jsonschema:"maxLength=255" jsonschema_description:"The exchange to which the queue is bound by the handlers' keys. Empty means the default exchange: the queue gets the messages that are published to it by its name."`
	BindingArguments map[string]any `yaml:"binding_arguments" jsonschema_description:"The arguments of each binding, for an exchange of type headers."`
	Concurrency      int            `yaml:"concurrency" jsonschema:"minimum=1,maximum=65535,default=1" jsonschema_description:"The number of messages handled at the same time."`
	Prefetch         int            `yaml:"prefetch" jsonschema:"minimum=1,maximum=65535" jsonschema_description:"The highest number of unacknowledged messages. The default is twice the concurrency, or the concurrency with max_priority."`
	OrderBy          string         `yaml:"order_by" jsonschema:"format=order-by" jsonschema_description:"Messages with the same routing_key, correlation_id, type or header:NAME are handled in order."`
	Retry            Retry          `yaml:"retry" jsonschema_description:"When a failed message is tried again."`
	Timeout          Limit          `yaml:"timeout" jsonschema:"default=1m" jsonschema_description:"The limit for one attempt of a handler, or \"none\"."`
	MaxBodyBytes     Size           `yaml:"max_body_bytes" jsonschema:"default=16MiB" jsonschema_description:"Larger messages are dead-lettered."`
	Type             string         `yaml:"type" jsonschema:"enum=quorum,enum=classic" jsonschema_description:"The default is quorum, or classic with max_priority."`
	MaxPriority      int            `yaml:"max_priority" jsonschema:"minimum=1,maximum=10" jsonschema_description:"The highest priority. It makes the queue a classic queue, which delivers messages by priority."`
	DeliveryLimit    int            `yaml:"delivery_limit" jsonschema:"minimum=1,maximum=2147483647" jsonschema_description:"How often the broker delivers a message before it dead-letters it. The default is 20. For quorum queues only."`
	MessageTTL       Duration       `yaml:"message_ttl" jsonschema_description:"A message that has waited this long is dead-lettered."`
	MaxLength        int            `yaml:"max_length" jsonschema:"minimum=1,maximum=2147483647" jsonschema_description:"The highest number of ready messages. The broker rejects further ones."`
	SingleActive     bool           `yaml:"single_active" jsonschema:"default=false" jsonschema_description:"Of all consumers in all processes, one at a time gets messages."`
	Arguments        map[string]any `yaml:"arguments" jsonschema_description:"Added to the queue's AMQP arguments. They override the others."`
	Paused           bool           `yaml:"paused" jsonschema:"default=false" jsonschema_description:"Do not consume until the queue is resumed."`
	Handlers         []Handler      `yaml:"handlers" jsonschema:"required,minItems=1"`
}

// Worker returns q as the worker's queue. Its exchange has the type in exchanges.
func (q Queue) Worker(exchanges []Exchange) worker.Queue {
	w := worker.Queue{
		Name: q.Name, Exchange: q.Exchange, BindingArguments: q.BindingArguments,
		Concurrency: q.Concurrency, Prefetch: q.Prefetch, OrderBy: orderBy(q.OrderBy),
		Retry: q.Retry.Policy(), Timeout: time.Duration(q.Timeout), MaxBodyBytes: int(q.MaxBodyBytes),
		Type: q.Type, MaxPriority: q.MaxPriority, DeliveryLimit: q.DeliveryLimit,
		MessageTTL: time.Duration(q.MessageTTL), MaxLength: q.MaxLength, SingleActive: q.SingleActive, Arguments: q.Arguments,
	}
	i := slices.IndexFunc(exchanges, func(e Exchange) bool { return e.Name == q.Exchange })
	if i >= 0 {
		w.ExchangeKind, w.ExchangeArguments = exchanges[i].Type, exchanges[i].Arguments
	}
	return w
}

// Retry is the schedule of a queue's retries.
type Retry struct {
	MaxAttempts         int      `yaml:"max_attempts" jsonschema:"minimum=-1,maximum=2147483647,default=20" jsonschema_description:"The number of attempts, the first included. 1 means no retries, -1 means no limit."`
	InitialInterval     Duration `yaml:"initial_interval" jsonschema:"default=1s" jsonschema_description:"The pause after the first failure."`
	Multiplier          float64  `yaml:"multiplier" jsonschema:"minimum=1,maximum=1000,default=2" jsonschema_description:"The factor from each pause to the next."`
	MaxInterval         Duration `yaml:"max_interval" jsonschema:"default=10m" jsonschema_description:"The longest pause."`
	RandomizationFactor float64  `yaml:"randomization_factor" jsonschema:"minimum=0,maximum=1,default=0.2" jsonschema_description:"The largest random change of a pause, as a fraction of the pause."`
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
