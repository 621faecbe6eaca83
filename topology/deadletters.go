package topology

import (
	"cmp"
	"time"

	"github.com/warren-mq/warren/internal/check"
	"github.com/warren-mq/warren/message"
)

// DeadLetters describes where the dead letters of a work queue go. The zero value is a
// dead-letter queue of its own, <name>.dlq. At most one of Queue, Exchange with Key, and
// Discard is set.
type DeadLetters struct {
	// Queue is the name of the dead-letter queue, which Warren declares. Empty means
	// <name>.dlq. Work queues with the same Queue share it, and must agree in the settings of
	// the queue. The name of a shared queue should not end in .dlq, because package deadletter
	// takes x.dlq for the dead-letter queue of x.
	Queue string
	// MessageTTL is how long a dead letter is kept. Zero means no limit.
	MessageTTL time.Duration
	// MaxLength bounds the number of dead letters. Zero means no bound.
	MaxLength int
	// Overflow is what happens beyond MaxLength: reject-publish refuses further dead letters,
	// whose messages then stay unacknowledged in the work queue, and drop-head deletes the
	// oldest. Empty means reject-publish.
	Overflow string

	// Exchange is an existing exchange that takes the dead letters, with the routing key Key.
	// Empty means the default exchange, if Key is set: Key is then the name of an existing
	// queue. If Key is empty, the message keeps its own routing key. Warren declares neither.
	Exchange, Key string

	// Reject has the worker reject dead letters instead of publishing copies. The broker
	// moves them by the queue's dead-letter exchange, and their only record is the header
	// x-death. If nothing else is set, the worker declares no dead-letter exchange: a policy
	// or the Arguments of the queue must set one. Without it the broker deletes the messages.
	// With Queue, Exchange or Key, a queue whose arguments have no dead-letter exchange is an
	// error.
	Reject bool
	// Discard has the worker acknowledge dead letters. They are lost. Each one is counted and
	// logged.
	Discard bool
	// WithoutRecord leaves the failure record out of the copies.
	WithoutRecord bool
}

// foreign reports whether someone else's exchange or queue takes the dead letters.
func (d DeadLetters) foreign() bool { return d.Exchange != "" || d.Key != "" }

// declared reports whether Warren declares the dead-letter queue of a work queue.
func (d DeadLetters) declared() bool {
	return !d.Discard && !d.foreign() && (!d.Reject || d.Queue != "")
}

// validate adds everything that is wrong with d.
func (d DeadLetters) validate(f *check.Faults) {
	f.Addf(d.Discard && (d.Reject || d.WithoutRecord || d.Queue != "" || d.foreign()), "DeadLetters has Discard and a place to go, want one of them")
	f.Addf(d.Queue != "" && d.foreign(), "DeadLetters has a Queue, and an Exchange or a Key, want one of them: a Key without an Exchange names an existing queue")
	f.Addf(d.Reject && d.WithoutRecord, "DeadLetters has Reject and WithoutRecord, want one of them: the broker adds no failure record")
	f.Addf(d.MessageTTL < 0, "DeadLetters.MessageTTL is %v, want 0 or more", d.MessageTTL)
	f.Addf(d.MaxLength < 0, "DeadLetters.MaxLength is %d, want 0 or more", d.MaxLength)
	f.Addf(d.Overflow != "" && d.Overflow != rejectPublish && d.Overflow != dropHead, "DeadLetters.Overflow is %q, want %q or %q", d.Overflow, rejectPublish, dropHead)
	f.Addf(d.Overflow != "" && d.MaxLength == 0, "DeadLetters.Overflow is set without MaxLength")
	f.Addf(!d.declared() && (d.MessageTTL != 0 || d.MaxLength != 0), "DeadLetters.MessageTTL and MaxLength belong to a dead-letter queue that Warren declares, and there is none")
	f.Add(CheckName("queue", d.Queue), CheckName("exchange", d.Exchange), CheckName("queue", d.Key))
}

const (
	rejectPublish = "reject-publish"
	dropHead      = "drop-head"
)

// arguments returns the arguments of the dead-letter queue.
func (d DeadLetters) arguments() message.Headers {
	a := message.Headers{"x-queue-type": Quorum, "x-queue-leader-locator": LeaderLocator, "x-delivery-limit": NeverReached}
	if d.MessageTTL > 0 {
		a["x-message-ttl"] = d.MessageTTL.Milliseconds()
	}
	if d.MaxLength > 0 {
		a["x-max-length"], a["x-overflow"] = d.MaxLength, cmp.Or(d.Overflow, rejectPublish)
	}
	return a
}

// DeadLetterQueue returns the name of the queue that takes q's dead letters. It is empty if
// there is none, or if another team's exchange takes them.
func (q WorkQueue) DeadLetterQueue() string {
	d := q.DeadLetters
	switch {
	case d.declared():
		return cmp.Or(d.Queue, DeadLetterQueue(q.Name))
	case d.Exchange == "":
		return d.Key
	}
	return ""
}

// DeadLetterTarget returns the exchange and the routing key that q's dead letters are
// published with. An empty key with an exchange means the key of the message. Both are empty
// if the worker publishes none.
func (q WorkQueue) DeadLetterTarget() (exchange, key string) {
	switch d := q.DeadLetters; {
	case d.foreign():
		return d.Exchange, d.Key
	case d.declared():
		return DeadLetterExchange, q.Name
	}
	return "", ""
}

// deadLetterTopology declares the dead-letter queue, if Warren does that.
func (q WorkQueue) deadLetterTopology() Topology {
	if !q.DeadLetters.declared() {
		return Topology{}
	}
	name := q.DeadLetterQueue()
	return Topology{
		Queues:   []Queue{{Name: name, Arguments: q.DeadLetters.arguments()}},
		Bindings: []Binding{{Exchange: DeadLetterExchange, Key: q.Name, Queue: name}},
	}
}

// addDeadLettering adds the arguments by which the broker dead-letters by itself.
func (q WorkQueue) addDeadLettering(a message.Headers) {
	d := q.DeadLetters
	if !d.declared() && !d.foreign() {
		return
	}
	exchange, key := q.DeadLetterTarget()
	a["x-dead-letter-exchange"] = exchange
	if key != "" {
		a["x-dead-letter-routing-key"] = key
	}
	if q.kind() == Quorum {
		a["x-dead-letter-strategy"] = "at-least-once"
	}
}

// DeadLetterQueue returns the name of the queue that takes the dead letters of a work queue.
// It is empty if t has the work queue and no queue for its dead letters. DeadLetterQueue
// returns false if t has neither of the two.
func (t Topology) DeadLetterQueue(queue string) (name string, known bool) {
	for _, b := range t.Bindings {
		if b.Exchange == DeadLetterExchange && b.Key == queue {
			return b.Queue, true
		}
	}
	for _, q := range t.Queues {
		if q.Name != queue {
			continue
		}
		if exchange, ok := q.Arguments["x-dead-letter-exchange"].(string); ok && exchange == "" {
			name, _ = q.Arguments["x-dead-letter-routing-key"].(string)
		}
		return name, true
	}
	return "", false
}
