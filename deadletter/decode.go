package deadletter

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
)

// reasonUnknown is the reason of a message without a failure record and without x-death.
const reasonUnknown = "unknown"

// Limits of the record. Any publisher can write its headers, and readers keep parts of it, so they
// must be bounded.
const (
	maxHistoryBytes = 64 << 10
	maxHistory      = 100
	maxFingerprint  = 64 // bytes; Warren's have 16
)

// brokerErrors explains the reasons for which RabbitMQ dead-letters messages.
var brokerErrors = map[string]string{
	"expired":        "dead-lettered by the broker: the message's time to live expired",
	"rejected":       "dead-lettered by the broker: a consumer rejected the message",
	"maxlen":         "dead-lettered by the broker: the queue was full",
	"delivery_limit": "dead-lettered by the broker: the delivery limit was exceeded; workers may crash on this message",
}

// decode returns the dead letter for a message taken from the queue dlq. It accepts every
// message, whatever its headers contain.
func decode(dlq string, m message.Message) DeadLetter {
	d := decoder{headers: m.Headers, deaths: amqp.Deaths(m.Headers)}
	d.Queue, d.WorkQueue = dlq, workQueue(dlq, m.Headers, d.deaths)
	d.Reason, d.Fingerprint = reasonUnknown, digest(d.WorkQueue, reasonUnknown)
	if d.recorded() {
		d.record()
	}
	d.audit()
	if len(d.deaths) > 0 {
		d.addDeath(d.deaths[0])
	}
	m.Exchange, m.RoutingKey = d.origin(m.Exchange, m.RoutingKey)
	m.Headers = withoutCounters(m.Headers)
	m.Queue, m.Attempt, m.DeliveryCount, m.Redelivered = d.WorkQueue, d.Attempts, 0, false
	d.Message, d.ID = m, identify(&m)
	return d.DeadLetter
}

// workQueue returns the queue in which the message failed. x-death is later than the worker's
// record. The name of the dead-letter queue comes last, because queues may share one.
func workQueue(dlq string, h message.Headers, deaths []amqp.Death) string {
	var names []string
	for _, d := range deaths {
		names = append(names, d.Queue)
	}
	name, named := strings.CutSuffix(dlq, topology.DeadLetterQueue(""))
	names = append(names, h.String(record.HeaderQueue))
	if named {
		names = append(names, name)
	}
	for _, name := range names {
		name = strings.TrimSuffix(name, topology.ParkingQueue(""))
		if name != "" && len(name) <= topology.MaxShortString && name != dlq && !topology.IsParking(name) {
			return name
		}
	}
	return ""
}

// withoutCounters returns h without the dead-letter queue's own counters: they count
// inspections, not attempts.
func withoutCounters(h message.Headers) message.Headers {
	h = maps.Clone(h)
	delete(h, "x-delivery-count")
	delete(h, "x-acquired-count")
	return h
}

type decoder struct {
	DeadLetter
	headers message.Headers
	deaths  []amqp.Death
}

// recorded reports whether the failure record was written for this work queue.
func (d *decoder) recorded() bool {
	return d.WorkQueue != "" && d.headers.String(record.HeaderQueue) == d.WorkQueue
}

func (d *decoder) record() {
	d.Reason = cmp.Or(d.short(record.HeaderReason), reasonUnknown)
	d.Error, d.ErrorType = d.text(record.HeaderError, record.MaxErrorText), d.short(record.HeaderErrorType)
	d.Fingerprint = cmp.Or(d.fingerprint(), digest(d.WorkQueue, d.Reason))
	d.Stack = d.text(record.HeaderStack, record.MaxStack)
	d.Handler, d.Host = d.short(record.HeaderHandler), d.short(record.HeaderHost)
	d.FirstFailedAt, d.FailedAt = d.time(record.HeaderFirstFailedAt), d.time(record.HeaderLastFailedAt)
	if n, ok := d.headers.Int(record.HeaderAttempt); ok && n > 0 {
		d.Attempts = int(min(n, 1<<30))
	} else if d.headers[record.HeaderAttempt] != nil {
		d.malformed(record.HeaderAttempt, "a number, 1 or more")
	}
	d.history()
}

func (d *decoder) audit() {
	d.ReplayedAt, d.ReplayedBy = d.time(record.HeaderReplayedAt), d.short(record.HeaderReplayedBy)
	d.EditedFrom = d.short(record.HeaderEditedFrom)
}

// fingerprint returns the fingerprint of the record. It is compared as a whole, so it is not
// clipped.
func (d *decoder) fingerprint() string {
	if len(d.headers.String(record.HeaderFingerprint)) > maxFingerprint {
		d.malformed(record.HeaderFingerprint, fmt.Sprintf("text of at most %d bytes", maxFingerprint))
		return ""
	}
	return d.short(record.HeaderFingerprint)
}

// addDeath adds the broker's reason for dead-lettering the message. It came after the
// failures in the record.
func (d *decoder) addDeath(last amqp.Death) {
	text, known := brokerErrors[last.Reason]
	if !known {
		text = "dead-lettered by the broker: " + last.Reason
	}
	d.Reason, d.Error, d.ErrorType, d.Stack = last.Reason, text, "", ""
	d.Fingerprint = digest(d.WorkQueue, last.Reason)
	d.FailedAt = last.Time
	if d.FirstFailedAt.IsZero() {
		d.FirstFailedAt = last.Time
	}
	d.History = append(d.History, Attempt{At: last.Time, Reason: last.Reason, Error: text})
}

// origin returns the exchange and routing key of the first publish.
func (d *decoder) origin(exchange, key string) (string, string) {
	firstExchange, firstKey := d.headers.String(record.HeaderExchange), d.headers.String(record.HeaderRoutingKey)
	possible := d.headers.IsText(record.HeaderRoutingKey) && max(len(firstExchange), len(firstKey)) <= topology.MaxShortString
	if possible && (d.recorded() || d.headers[record.HeaderQueue] == nil) {
		return firstExchange, firstKey
	}
	if n := len(d.deaths); n > 0 && len(d.deaths[n-1].Keys) > 0 {
		return d.deaths[n-1].Exchange, d.deaths[n-1].Keys[0]
	}
	if exchange == topology.DeadLetterExchange || exchange == "" && key == d.Queue {
		return "", d.WorkQueue // published straight to the dead-letter queue: the first publish is unknown
	}
	return exchange, key
}

func (d *decoder) history() {
	text := d.text(record.HeaderHistory, maxHistoryBytes)
	if text == "" {
		return
	}
	var entries []struct {
		Attempt int       `json:"attempt"`
		At      time.Time `json:"at"`
		Reason  string    `json:"reason"`
		Error   string    `json:"error"`
		Host    string    `json:"host"`
	}
	if json.Unmarshal([]byte(text), &entries) != nil {
		d.malformed(record.HeaderHistory, "a JSON list of attempts")
		return
	}
	for _, e := range entries[:min(len(entries), maxHistory)] {
		d.History = append(d.History, Attempt{Number: e.Attempt, At: e.At, Reason: e.Reason, Error: e.Error, Host: e.Host})
	}
}

// text returns a text of the record, clipped to most bytes.
func (d *decoder) text(name string, most int) string {
	if d.headers[name] != nil && !d.headers.IsText(name) {
		d.malformed(name, "text")
	}
	text := d.headers.String(name)
	if len(text) > most {
		return record.Clip(text, most)
	}
	return text
}

func (d *decoder) short(name string) string { return d.text(name, record.MaxShortText) }

func (d *decoder) time(name string) time.Time {
	t, err := d.headers.Time(name)
	if err != nil {
		d.malformed(name, "a time")
	}
	return t
}

func (d *decoder) malformed(name, want string) {
	d.Malformed = append(d.Malformed, fmt.Sprintf("%s is a %T, want %s", name, d.headers[name], want))
}
