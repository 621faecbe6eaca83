package warrentest

import (
	"cmp"
	"slices"
	"time"

	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
)

// DeadLetter is a message in a dead-letter queue. Its Exchange and RoutingKey are the ones
// that it was first published with. Its Headers contain the whole failure record.
type DeadLetter struct {
	devbroker.Message
	Reason   string    // one of message's Reason constants, or the broker's: expired, delivery_limit, rejected or maxlen
	Error    string    // the text of the error; if the broker dead-lettered the message, of its last failed attempt
	Attempts int       // failed attempts
	FailedAt time.Time // when the last attempt failed; zero if none failed
}

// DeadLetters returns the dead letters of a work queue, the oldest first, and leaves them in
// their queue. It fails the test if the queue does not exist. If work queues share a dead-letter
// queue, DeadLetters returns the dead letters of all of them.
func (b *Broker) DeadLetters(queue string) []DeadLetter {
	b.tb.Helper()
	waiting := b.Waiting(b.deadLetterQueue(queue))
	all := make([]DeadLetter, len(waiting))
	for i, m := range waiting {
		all[i] = deadLetter(queue, m)
	}
	return all
}

// deadLetterQueue returns the name of the dead-letter queue of a work queue: as a worker that is
// running has it, or the default.
func (b *Broker) deadLetterQueue(queue string) string {
	for _, r := range b.running() {
		if i := slices.Index(r.queues, queue); i >= 0 {
			return r.letters[i]
		}
	}
	return topology.DeadLetterQueue(queue)
}

// Waiting returns the ready messages of a queue, in order, and leaves them there. Messages that
// are delivered to a consumer are not ready. It fails the test if the queue does not exist.
func (b *Broker) Waiting(queue string) []devbroker.Message {
	b.tb.Helper()
	if !slices.ContainsFunc(b.Queues(), func(q devbroker.QueueInfo) bool { return q.VHost == b.vhost && q.Name == queue }) {
		b.tb.Errorf("warrentest: queue %q does not exist on the broker", queue)
	}
	return b.Messages(b.vhost, queue)
}

func deadLetter(queue string, m devbroker.Message) DeadLetter {
	d, h := DeadLetter{Message: m}, message.Headers(m.Headers)
	if death := deathIn(queue, h); death != nil {
		d.Reason, d.Exchange, d.RoutingKey = death.String("reason"), death.String("exchange"), routingKey(death)
	}
	if at := h.String(record.HeaderQueue); at != "" && at != queue {
		return d // the record is from a failure in another queue
	}
	attempts, _ := h.Int(record.HeaderAttempt)
	failedAt, _ := h.Time(record.HeaderLastFailedAt) // the error is ignored, since a worker wrote the header
	d.Reason, d.Error = cmp.Or(d.Reason, h.String(record.HeaderReason)), h.String(record.HeaderError)
	d.Attempts, d.FailedAt = int(attempts), failedAt
	if h.IsText(record.HeaderRoutingKey) {
		d.Exchange, d.RoutingKey = h.String(record.HeaderExchange), h.String(record.HeaderRoutingKey)
	}
	return d
}

// deathIn returns the broker's own record of the dead-lettering of a message from the queue, or
// from a partition of it. It is nil for a message that a worker dead-lettered, since its copy has no
// such record.
func deathIn(queue string, h message.Headers) message.Headers {
	deaths, _ := h["x-death"].([]any)
	for _, d := range deaths {
		death, ok := d.(map[string]any)
		if at := message.Headers(death).String("queue"); ok && (at == queue || topology.IsPartition(queue, at)) {
			return death
		}
	}
	return nil
}

// routingKey returns the first of the keys that the message was published with.
func routingKey(death message.Headers) string {
	keys, _ := death["routing-keys"].([]any)
	if len(keys) == 0 {
		return ""
	}
	key, _ := keys[0].(string)
	return key
}
