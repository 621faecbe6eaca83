package topology

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/warren-mq/warren/internal/check"
	"github.com/warren-mq/warren/message"
)

// Types of queue, as RabbitMQ's x-queue-type has them.
const (
	Quorum  = "quorum"
	Classic = "classic"
)

const (
	maxQueueName         = 200 // bytes; the names of the queues that belong to it are longer
	maxPriority          = 10
	defaultDeliveryLimit = 20
)

// WorkQueue describes a work queue and what belongs to it: its exchange, its
// bindings, its dead-letter queue and its parking queue.
type WorkQueue struct {
	// Name is the name of the queue. It has at most 200 bytes.
	Name string
	// Exchange is the exchange that the queue is bound to. Empty means the default
	// exchange, which routes by the queue's name and needs no binding.
	Exchange string
	// ExchangeKind is topic, direct, fanout or headers. Empty means topic.
	ExchangeKind string
	// ExchangeArguments are the arguments of the exchange, such as alternate-exchange.
	ExchangeArguments message.Headers
	// Keys are the binding keys. For a topic exchange they may be patterns.
	Keys []string
	// BindingArguments are the arguments of each binding, which a headers exchange needs.
	BindingArguments message.Headers
	// Type is Quorum or Classic. Empty means Quorum, or Classic if MaxPriority is set.
	Type string
	// MaxPriority enables priorities up to this value, 1 to 10. Zero means no priorities.
	// Each level costs the broker memory, so larger values are refused.
	MaxPriority int
	// DeliveryLimit is how often the broker delivers a message before it dead-letters it,
	// such as a message that ends its worker's process. Zero means 20. Only quorum queues
	// have it.
	DeliveryLimit int
	// MessageTTL is how long a message waits before it is dead-lettered. Zero means no
	// limit.
	MessageTTL time.Duration
	// MaxLength bounds the messages waiting. The broker refuses further ones (ErrNacked).
	// Zero means no limit.
	MaxLength int
	// SingleActive lets only one consumer at a time, among all workers, receive from the
	// queue.
	SingleActive bool
	// Arguments are added to the queue's own. They override arguments derived from the
	// other fields.
	Arguments message.Headers
}

// CountsDeliveries reports whether the queue is a quorum queue, which counts how often it
// has delivered each message.
func (q WorkQueue) CountsDeliveries() bool { return q.kind() == Quorum }

// Validate reports everything that is wrong with q, in one error.
func (q WorkQueue) Validate() error {
	f := check.Of(fmt.Sprintf("topology: queue %q", q.Name))
	words := strings.Split(q.Name, ".")
	f.Addf(q.Name == "", "the name is empty")
	f.Addf(len(q.Name) > maxQueueName, "the name has %d bytes, want at most %d", len(q.Name), maxQueueName)
	f.Addf(slices.Contains(words, "*") || slices.Contains(words, "#"), "the name has a word * or #, which mean any word in a routing key")
	f.Addf(strings.HasPrefix(q.Name, "warren.") || strings.HasPrefix(q.Name, "amq."), "names that begin with warren. or amq. are reserved")
	f.Addf(q.Type != "" && q.Type != Quorum && q.Type != Classic, "Type is %q, want %q or %q", q.Type, Quorum, Classic)
	f.Addf(q.MaxPriority < 0 || q.MaxPriority > maxPriority, "MaxPriority is %d, want 0 to %d: each level costs the broker memory", q.MaxPriority, maxPriority)
	f.Addf(q.MaxPriority > 0 && q.Type == Quorum, "MaxPriority needs a classic queue, and Type is quorum: RabbitMQ refuses x-max-priority there")
	f.Addf(q.DeliveryLimit < 0, "DeliveryLimit is %d, want 1 or more: -1 means 0 on RabbitMQ 3", q.DeliveryLimit)
	f.Addf(q.DeliveryLimit > 0 && q.kind() == Classic, "DeliveryLimit is %d, and classic queues take none", q.DeliveryLimit)
	f.Addf(q.MessageTTL < 0, "MessageTTL is %v, want 0 or more", q.MessageTTL)
	f.Addf(q.MaxLength < 0, "MaxLength is %d, want 0 or more", q.MaxLength)
	f.Add(CheckName("queue", q.Name), CheckName("exchange", q.Exchange))
	f.Add(q.validateKeys()...)
	return f.Err()
}

func (q WorkQueue) validateKeys() (errs []error) {
	if q.ExchangeKind == "" || q.ExchangeKind == "topic" {
		return nil
	}
	for _, key := range q.Keys {
		words := strings.Split(key, ".")
		if q.ExchangeKind == "direct" && (slices.Contains(words, "*") || slices.Contains(words, "#")) {
			errs = append(errs, fmt.Errorf("topology: queue %q: key %q is a pattern, and a direct exchange has none", q.Name, key))
		}
	}
	return errs
}

func (q WorkQueue) kind() string {
	if q.MaxPriority > 0 {
		return Classic
	}
	return cmp.Or(q.Type, Quorum)
}

// Topology returns everything that q needs in addition to Shared: the queue, its
// dead-letter queue and its parking queue, its exchange with the exchange's parking queue,
// and the bindings.
func (q WorkQueue) Topology() Topology {
	dlq := DeadLetterQueue(q.Name)
	t := Topology{
		Queues: []Queue{
			{Name: dlq, Arguments: message.Headers{"x-queue-type": Quorum, "x-delivery-limit": NeverReached}},
			{Name: q.Name, Arguments: q.arguments()},
		},
		Bindings: []Binding{{Exchange: DeadLetterExchange, Key: q.Name, Queue: dlq}},
	}
	t = t.Merge(QueueParking(q.Name))
	if q.Exchange == "" {
		return t
	}
	if len(ExchangeParking(q.Exchange)) <= MaxShortString {
		t = t.Merge(DelayedExchange(q.Exchange))
	}
	t.Exchanges = append(t.Exchanges, Exchange{Name: q.Exchange, Kind: cmp.Or(q.ExchangeKind, "topic"), Arguments: q.ExchangeArguments})
	for _, key := range q.Keys {
		t.Bindings = append(t.Bindings, Binding{Exchange: q.Exchange, Key: key, Queue: q.Name, Arguments: q.BindingArguments})
	}
	return t
}

func (q WorkQueue) arguments() message.Headers {
	a := message.Headers{
		"x-queue-type":              q.kind(),
		"x-dead-letter-exchange":    DeadLetterExchange,
		"x-dead-letter-routing-key": q.Name,
	}
	if q.kind() == Quorum {
		a["x-delivery-limit"] = cmp.Or(q.DeliveryLimit, defaultDeliveryLimit)
		a["x-dead-letter-strategy"] = "at-least-once"
		a["x-overflow"] = "reject-publish"
	}
	if q.MaxPriority > 0 {
		a["x-max-priority"] = q.MaxPriority
	}
	if q.MessageTTL > 0 {
		a["x-message-ttl"] = q.MessageTTL.Milliseconds()
	}
	if q.MaxLength > 0 {
		a["x-max-length"], a["x-overflow"] = q.MaxLength, "reject-publish"
	}
	if q.SingleActive {
		a["x-single-active-consumer"] = true
		if q.kind() == Quorum {
			a["x-consumer-disconnected-timeout"] = DisconnectedTimeout
		}
	}
	maps.Copy(a, q.Arguments)
	return a
}
