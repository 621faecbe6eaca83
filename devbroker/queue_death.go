package devbroker

import (
	"slices"
	"time"

	"github.com/warren-mq/warren/devbroker/internal/wire"
)

// reason is why a message was dead-lettered.
type reason string

const (
	rejected reason = "rejected"
	expired  reason = "expired"
	maxlen   reason = "maxlen"
	tooOften reason = "delivery_limit"
)

// death is one entry of x-death. It counts all deaths of a message in one queue for one
// reason.
type death struct {
	queue      string
	reason     reason
	count      int64
	at         time.Time // zero if a client has set the entry without a time
	exchange   string
	keys       []string
	expiration string // original-expiration; empty without one
}

func (d death) table() wire.Table {
	keys := make([]any, 0, len(d.keys))
	for _, key := range d.keys {
		keys = append(keys, key)
	}
	t := wire.Table{
		{Name: "count", Value: d.count},
		{Name: "reason", Value: string(d.reason)},
		{Name: "queue", Value: d.queue},
	}
	if !d.at.IsZero() {
		t = append(t, wire.Field{Name: "time", Value: wire.Timestamp(d.at.Unix())})
	}
	t = append(t, wire.Field{Name: "exchange", Value: d.exchange}, wire.Field{Name: "routing-keys", Value: keys})
	if d.expiration != "" {
		t = append(t, wire.Field{Name: "original-expiration", Value: d.expiration})
	}
	return t
}

// parseDeaths parses an x-death header and skips malformed entries.
func parseDeaths(h wire.Table) []death {
	value, _ := h.Get("x-death")
	list, _ := value.([]any)
	deaths := make([]death, 0, len(list)+1)
	for _, entry := range list {
		if table, ok := entry.(wire.Table); ok {
			deaths = append(deaths, parseDeath(table))
		}
	}
	return deaths
}

func parseDeath(t wire.Table) death {
	text := func(name string) string {
		v, _ := t.Get(name)
		s, _ := v.(string)
		return s
	}
	d := death{
		queue: text("queue"), reason: reason(text("reason")),
		exchange: text("exchange"), expiration: text("original-expiration"),
	}
	v, _ := t.Get("count")
	d.count, _ = asInt(v)
	v, _ = t.Get("time")
	if at, ok := v.(wire.Timestamp); ok {
		d.at = time.Unix(int64(at), 0)
	}
	v, _ = t.Get("routing-keys")
	keys, _ := v.([]any)
	for _, key := range keys {
		s, _ := key.(string)
		d.keys = append(d.keys, s)
	}
	return d
}

// addDeath returns deaths with d added, the latest first. It adds an entry, or increments
// the entry with the same queue and reason.
func addDeath(deaths []death, d death) []death {
	rest := make([]death, 0, len(deaths)+1)
	rest = append(rest, d)
	for _, old := range deaths {
		if old.queue == d.queue && old.reason == d.reason {
			old.count++
			rest[0] = old
			continue
		}
		rest = append(rest, old)
	}
	return rest
}

// cycles reports whether a message with these deaths would cycle through a queue: it has
// died there before and no client has rejected it since.
func cycles(deaths []death, queue string) bool {
	last := slices.IndexFunc(deaths, func(d death) bool { return d.queue == queue })
	if last < 0 {
		return false
	}
	return !slices.ContainsFunc(deaths[:last+1], func(d death) bool { return d.reason == rejected })
}
