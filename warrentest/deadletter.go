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

// DeadLetter is a message in a dead-letter queue. Its Exchange and RoutingKey are
// those it was first published with; its Headers have the whole failure record.
type DeadLetter struct {
	devbroker.Message
	Reason   string    // one of message's Reason constants, or the broker's: expired, delivery_limit, rejected or maxlen
	Error    string    // the text of the error; of the latest attempt that failed, if the broker gave up
	Attempts int       // those that failed
	FailedAt time.Time // when the latest attempt failed; zero if none did
}

// DeadLetters returns the dead letters of a work queue, the oldest first. They stay
// where they are. The test fails if there is no such queue.
func (b *Broker) DeadLetters(queue string) []DeadLetter {
	b.tb.Helper()
	waiting := b.Waiting(topology.DeadLetterQueue(queue))
	all := make([]DeadLetter, len(waiting))
	for i, m := range waiting {
		all[i] = deadLetter(queue, m)
	}
	return all
}

// Waiting returns the messages that wait in a queue, in order; those that a consumer
// has already received are not among them. Looking changes nothing. The test fails if
// there is no such queue.
func (b *Broker) Waiting(queue string) []devbroker.Message {
	b.tb.Helper()
	if !slices.ContainsFunc(b.Queues(), func(q devbroker.QueueInfo) bool { return q.VHost == b.vhost && q.Name == queue }) {
		b.tb.Errorf("warrentest: the broker has no queue %q", queue)
	}
	return b.Messages(b.vhost, queue)
}

func deadLetter(queue string, m devbroker.Message) DeadLetter {
	d, h := DeadLetter{Message: m}, message.Headers(m.Headers)
	if death := deathIn(queue, h); death != nil {
		d.Reason, d.Exchange, d.RoutingKey = death.String("reason"), death.String("exchange"), routingKey(death)
	}
	if at := h.String(record.HeaderQueue); at != "" && at != queue {
		return d // the record of another queue's failure, carried along
	}
	attempts, _ := h.Int(record.HeaderAttempt)
	failedAt, _ := h.Time(record.HeaderLastFailedAt) // a worker wrote it
	d.Reason, d.Error = cmp.Or(d.Reason, h.String(record.HeaderReason)), h.String(record.HeaderError)
	d.Attempts, d.FailedAt = int(attempts), failedAt
	if h.IsText(record.HeaderRoutingKey) {
		d.Exchange, d.RoutingKey = h.String(record.HeaderExchange), h.String(record.HeaderRoutingKey)
	}
	return d
}

// deathIn is the broker's own record of how a message died in the queue; nil if it did
// not: a worker's copy has no such record.
func deathIn(queue string, h message.Headers) message.Headers {
	deaths, _ := h["x-death"].([]any)
	for _, d := range deaths {
		if death, ok := d.(map[string]any); ok && death["queue"] == queue {
			return death
		}
	}
	return nil
}

// routingKey is the first of the keys that a message was published with.
func routingKey(death message.Headers) string {
	keys, _ := death["routing-keys"].([]any)
	if len(keys) == 0 {
		return ""
	}
	key, _ := keys[0].(string)
	return key
}
