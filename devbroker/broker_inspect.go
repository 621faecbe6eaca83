package devbroker

import (
	"cmp"
	"slices"
	"time"

	"github.com/warren-mq/warren/devbroker/internal/wire"
)

// QueueInfo describes a queue at one moment.
type QueueInfo struct {
	VHost     string
	Name      string
	Type      string // classic or quorum
	Arguments map[string]any
	Ready     int // messages ready for delivery
	Delayed   int // messages that wait for a retry (x-delayed-retry-*)
	Unacked   int // messages delivered and not acknowledged
	Leaving   int // messages being dead-lettered with the at-least-once strategy
	Consumers int
}

// Queues returns all queues, sorted by virtual host and name.
func (b *Broker) Queues() []QueueInfo {
	var all []QueueInfo
	b.do(func() {
		for _, v := range b.vhosts {
			for _, q := range v.queues {
				if !q.hidden() {
					all = append(all, q.info())
				}
			}
		}
	})
	slices.SortFunc(all, func(x, y QueueInfo) int {
		return cmp.Or(cmp.Compare(x.VHost, y.VHost), cmp.Compare(x.Name, y.Name))
	})
	return all
}

func (q *queue) info() QueueInfo {
	return QueueInfo{
		VHost: q.vhost.name, Name: q.name, Type: q.kind, Arguments: native(q.args),
		Ready: q.ready.count, Delayed: len(q.delayed), Unacked: q.unacked, Leaving: len(q.deaths.waiting) + len(q.deaths.stuck),
		Consumers: len(q.consumers),
	}
}

// Message is a copy of a ready message in a queue.
type Message struct {
	Exchange    string
	RoutingKey  string
	Headers     map[string]any // values have Go types for AMQP's: string, int64, bool, []any, map[string]any …
	Body        []byte
	Redelivered bool

	ContentType     string
	ContentEncoding string
	DeliveryMode    uint8
	Priority        uint8
	CorrelationID   string
	ReplyTo         string
	Expiration      string // milliseconds, as text
	MessageID       string
	Timestamp       time.Time
	Type            string
	UserID          string
	AppID           string
}

// Messages returns copies of the ready messages of a queue, in order. The queue, its
// messages and their delivery counts stay unchanged.
func (b *Broker) Messages(vhost, queue string) []Message {
	var all []Message
	b.do(func() {
		v := b.vhosts[vhost]
		if v == nil || v.queues[queue] == nil {
			return
		}
		v.queues[queue].ready.each(func(it *item) bool {
			all = append(all, it.copy())
			return true
		})
	})
	return all
}

func (it *item) copy() Message {
	p := it.parsed
	m := Message{
		Exchange: it.exchange, RoutingKey: it.key, Headers: native(p.Headers),
		Body: slices.Clone(it.body), Redelivered: it.redelivered,
		ContentType: p.ContentType, ContentEncoding: p.ContentEncoding,
		DeliveryMode: p.DeliveryMode, Priority: p.Priority, CorrelationID: p.CorrelationID, ReplyTo: p.ReplyTo,
		Expiration: p.Expiration, MessageID: p.MessageID, Type: p.Type, UserID: p.UserID, AppID: p.AppID,
	}
	if p.Present&wire.HasTimestamp != 0 {
		m.Timestamp = time.Unix(int64(p.Timestamp), 0)
	}
	return m
}

// native converts a table to a map, and timestamps to times.
func native(t wire.Table) map[string]any {
	m := make(map[string]any, len(t))
	for _, f := range t {
		m[f.Name] = nativeValue(f.Value)
	}
	return m
}

func nativeValue(v any) any {
	switch v := v.(type) {
	case wire.Table:
		return native(v)
	case wire.Timestamp:
		return time.Unix(int64(v), 0)
	case []any:
		list := make([]any, 0, len(v))
		for _, e := range v {
			list = append(list, nativeValue(e))
		}
		return list
	}
	return v
}

// Channels returns the number of channels that clients have opened so far.
func (b *Broker) Channels() (n int) {
	b.do(func() { n = int(b.channels) })
	return n
}
