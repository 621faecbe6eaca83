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
	Stream  = "stream"
)

// LeaderLocator is the value of x-queue-leader-locator for the quorum queues that Warren
// declares. RabbitMQ then chooses the node with the fewest leaders for a new queue. By default
// it chooses the node that the declaring process is connected to, which may be the same for all
// queues of a cluster.
const LeaderLocator = "balanced"

const (
	maxQueueName = 200 // bytes; the names of the queues that belong to it are longer
	maxPriority  = 10
)

// DefaultDeliveryLimit is the delivery limit of a work queue that sets none.
const DefaultDeliveryLimit = 20

// Native is the kind of delays that RabbitMQ 4.3 and later keep in the queue itself: a
// rejected message is ready again after a pause.
const Native = "native"

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
	// Bindings are further bindings of the queue: of other exchanges, or by keys that no
	// handler has. Their field Queue is ignored. Warren does not declare their exchanges.
	Bindings []Binding
	// Type is Quorum, Classic or Stream. Empty means Quorum, or Classic if MaxPriority is set
	// or the queue belongs to one process.
	Type string
	// MaxPriority enables priorities up to this value, 1 to 10. Zero means no priorities.
	// Each level costs the broker memory, so larger values are refused. A quorum queue takes
	// no such argument: RabbitMQ 4.3 has 32 strict levels there, 4.0 has two, and 3.10
	// ignores priorities.
	MaxPriority int
	// DeliveryLimit is how often the broker delivers a message before it dead-letters it,
	// such as a message that ends its worker's process. Zero means 20. Only quorum queues
	// have it. With SingleActive or Partitions the worker counts, and the argument
	// x-delivery-limit is larger: see StopAllowance.
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
	// Partitions is the number of partitions of the queue, 2 to 64: further queues with a single
	// active consumer, among which the queue's messages are distributed. Zero means none.
	Partitions int
	// Instance makes the queue one that belongs to a single connection: it is exclusive, is
	// deleted with the connection, and its name is Name, a dot and Instance. It has no parking
	// queue. Empty means a durable queue.
	Instance string
	// DeadLetters is where dead letters go. The zero value is the queue <Name>.dlq.
	DeadLetters DeadLetters
	// RetryPause is how long the broker keeps a rejected message before it is ready again. It
	// is added for each reject, up to MaxRetryPause. Zero means no pause. Only quorum queues
	// of RabbitMQ 4.3 and later have it.
	RetryPause    time.Duration
	MaxRetryPause time.Duration
	// Arguments are added to the queue's own. They override arguments derived from the
	// other fields. A nil value leaves an argument out.
	Arguments message.Headers
	// OnlyArguments leaves out all arguments that Warren derives from the other fields, so
	// that Arguments are the arguments of the queue. Type then only says what kind of queue
	// it is. A field whose argument is missing is an error.
	OnlyArguments bool
}

// QueueName returns the name of the queue on the broker.
func (q WorkQueue) QueueName() string {
	if q.Instance == "" {
		return q.Name
	}
	return q.Name + "." + q.Instance
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
	f.Addf(q.Type != "" && !slices.Contains([]string{Quorum, Classic, Stream}, q.Type), "Type is %q, want %q, %q or %q", q.Type, Quorum, Classic, Stream)
	f.Addf(q.MaxPriority < 0 || q.MaxPriority > maxPriority, "MaxPriority is %d, want 0 to %d: each level costs the broker memory", q.MaxPriority, maxPriority)
	f.Addf(q.DeliveryLimit < 0, "DeliveryLimit is %d, want 1 or more: -1 means 0 on RabbitMQ 3", q.DeliveryLimit)
	f.Addf(q.DeliveryLimit > 0 && q.kind() != Quorum, "DeliveryLimit is %d, and %s queues take none", q.DeliveryLimit, q.kind())
	f.Addf(q.MessageTTL < 0, "MessageTTL is %v, want 0 or more", q.MessageTTL)
	f.Addf(q.MaxLength < 0, "MaxLength is %d, want 0 or more", q.MaxLength)
	f.Addf(q.Instance != "" && q.kind() != Classic, "the queue belongs to one process and Type is %s, want classic: RabbitMQ refuses other exclusive queues", q.kind())
	q.validateStream(f)
	q.validatePartitions(f)
	q.validateArguments(f)
	q.DeadLetters.validate(f)
	f.Addf(q.DeadLetterQueue() == q.Name, "DeadLetters is the queue itself")
	f.Add(CheckName("queue", q.Name), CheckName("exchange", q.Exchange))
	for _, b := range q.Bindings {
		f.Addf(b.Exchange == "" || b.ToExchange != "", "Bindings has %q to %q, want the name of an exchange, and no ToExchange", b.Exchange, b.ToExchange)
		f.Add(CheckName("exchange", b.Exchange))
	}
	f.Add(q.validateKeys()...)
	return f.Err()
}

// validateStream adds the settings that a stream does not have.
func (q WorkQueue) validateStream(f *check.Faults) {
	if q.kind() != Stream {
		return
	}
	f.Addf(q.MaxPriority > 0 || q.MessageTTL > 0 || q.MaxLength > 0 || q.SingleActive,
		"Type is stream, which has no MaxPriority, MessageTTL, MaxLength and SingleActive; set x-max-age or x-max-length-bytes in Arguments to bound it")
	f.Addf(q.DeadLetters.Reject, "Type is stream and DeadLetters has Reject: a stream keeps its messages, and does not dead-letter them")
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
	switch {
	case q.Type != "":
		return q.Type
	case q.MaxPriority > 0, q.Instance != "":
		return Classic
	}
	return Quorum
}

// Topology returns everything that q needs in addition to Shared: Own and Support.
func (q WorkQueue) Topology() Topology {
	return q.deadLetterTopology().Merge(q.queue(), q.parking(), q.bound(), q.partitions())
}

// Own returns the queue, its exchange and its bindings.
func (q WorkQueue) Own() Topology { return q.queue().Merge(q.bound()) }

// Support returns what Warren needs beside the queue: its dead-letter queue, its parking
// queue, the parking queues of its exchanges, and its partitions.
func (q WorkQueue) Support() Topology {
	return q.deadLetterTopology().Merge(q.parking(), q.partitions())
}

func (q WorkQueue) queue() Topology {
	return Topology{Queues: []Queue{{Name: q.QueueName(), Arguments: q.arguments(), Exclusive: q.Instance != ""}}}
}

// bound returns the exchange and the bindings.
func (q WorkQueue) bound() (t Topology) {
	if q.Exchange != "" {
		t.Exchanges = []Exchange{{Name: q.Exchange, Kind: cmp.Or(q.ExchangeKind, "topic"), Arguments: q.ExchangeArguments}}
		for _, key := range q.Keys {
			t.Bindings = append(t.Bindings, Binding{Exchange: q.Exchange, Key: key, Queue: q.QueueName(), Arguments: q.BindingArguments})
		}
	}
	for _, b := range q.Bindings {
		b.Queue = q.QueueName()
		t.Bindings = append(t.Bindings, b)
	}
	return t
}

// Exchanges returns the names of the exchanges to which the queue is bound.
func (q WorkQueue) Exchanges() (names []string) {
	for _, b := range append([]Binding{{Exchange: q.Exchange}}, q.Bindings...) {
		if b.Exchange != "" && !slices.Contains(names, b.Exchange) {
			names = append(names, b.Exchange)
		}
	}
	return names
}

// HasParking reports whether the queue has a parking queue. A stream has none, because a
// message that is published to it again reaches all of its consumers, and a queue of one
// process has none, because it ends with the process.
func (q WorkQueue) HasParking() bool { return q.kind() != Stream && q.Instance == "" }

// parking returns the parking queues of the queue and of its exchanges.
func (q WorkQueue) parking() (t Topology) {
	if q.HasParking() {
		t = QueueParking(q.Name)
	}
	for _, exchange := range q.Exchanges() {
		if len(ExchangeParking(exchange)) <= MaxShortString {
			t = t.Merge(DelayedExchange(exchange))
		}
	}
	return t
}

// arguments returns the arguments of the queue.
func (q WorkQueue) arguments() message.Headers {
	a := message.Headers{}
	if !q.OnlyArguments {
		a = q.derived()
	}
	maps.Copy(a, q.Arguments)
	maps.DeleteFunc(a, func(_ string, value any) bool { return value == nil })
	return a
}

// derived returns the arguments that follow from the fields.
func (q WorkQueue) derived() message.Headers {
	a := message.Headers{"x-queue-type": q.kind()}
	if q.kind() == Stream {
		return a
	}
	q.addDeadLettering(a)
	if q.kind() == Quorum {
		a["x-delivery-limit"] = q.deliveryLimit()
		a["x-overflow"] = rejectPublish
		a["x-queue-leader-locator"] = LeaderLocator // RabbitMQ 3.10 refuses it for classic queues
		a["x-consumer-disconnected-timeout"] = DisconnectedTimeout
	}
	if q.RetryPause > 0 {
		a["x-delayed-retry-type"] = "failed" // and not after a release
		a["x-delayed-retry-min"], a["x-delayed-retry-max"] = q.RetryPause.Milliseconds(), q.MaxRetryPause.Milliseconds()
	}
	if q.MaxPriority > 0 && q.kind() == Classic {
		a["x-max-priority"] = q.MaxPriority
	}
	if q.MessageTTL > 0 {
		a["x-message-ttl"] = q.MessageTTL.Milliseconds()
	}
	if q.MaxLength > 0 {
		a["x-max-length"], a["x-overflow"] = q.MaxLength, rejectPublish
	}
	if q.SingleActive || q.Partitions > 0 {
		a["x-single-active-consumer"] = true
	}
	return a
}
