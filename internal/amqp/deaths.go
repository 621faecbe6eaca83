package amqp

import (
	"strings"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
)

// Death is one entry of x-death: where and why the broker dead-lettered a message.
type Death struct {
	Queue    string // the work queue, if it was a partition of it
	Reason   string // expired, rejected, maxlen or delivery_limit
	Exchange string // the exchange to which the message was published before it reached Queue
	Keys     []string
	Count    int64
	Time     time.Time // of the first such death, in seconds; zero if it is not known
}

// maxDeaths bounds how many entries are read from a header that anyone can write.
const maxDeaths = 64

// Deaths returns the entries of x-death, the latest death first. It leaves out the levels
// through which delayed messages pass, and malformed entries.
func Deaths(h message.Headers) []Death {
	entries, _ := h["x-death"].([]any)
	whole := h.String(record.HeaderQueue) // each message in a partition has it
	var all []Death
	for _, e := range entries[:min(len(entries), maxDeaths)] {
		t, ok := e.(amqp091.Table)
		if d := death(message.Headers(t)); ok && d.possible() && !strings.HasPrefix(d.Queue, "warren.delay.") {
			if topology.IsPartition(whole, d.Queue) {
				d.Queue = whole
			}
			all = append(all, d)
		}
	}
	return all
}

func death(h message.Headers) Death {
	d := Death{Queue: h.String("queue"), Reason: h.String("reason"), Exchange: h.String("exchange")}
	d.Count, _ = h.Int("count")
	d.Time, _ = h["time"].(time.Time)
	keys, _ := h["routing-keys"].([]any)
	for _, k := range keys[:min(len(keys), maxDeaths)] {
		if key, ok := k.(string); ok && len(key) <= topology.MaxShortString {
			d.Keys = append(d.Keys, key)
		}
	}
	return d
}

// possible reports whether the broker can have written d: names are short strings in AMQP.
func (d Death) possible() bool {
	return d.Reason != "" && max(len(d.Queue), len(d.Reason), len(d.Exchange)) <= topology.MaxShortString
}
