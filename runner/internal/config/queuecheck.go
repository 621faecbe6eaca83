package config

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/warren-mq/warren/internal/topic"
	"github.com/warren-mq/warren/topology"
)

// maxPrefetch is what AMQP can say.
const maxPrefetch = 1<<16 - 1

func (d *document) checkQueue(path string, q Queue, c *Config) {
	d.checkKnown(join(path, "exchange"), q.Exchange)
	d.checkQueueName(path, q.Name)
	d.checkPace(path, q)
	d.checkKind(path, q)
	d.checkRetry(join(path, "retry"), q.Retry)
	kind := exchangeType(c, q.Exchange)
	d.checkUnique(join(path, "handlers"), "key")
	keys := make([]string, 0, len(q.Handlers))
	for i, h := range q.Handlers {
		at := join(join(path, "handlers"), strconv.Itoa(i))
		keys = append(keys, h.Key)
		d.checkKey(join(at, "key"), h.Key, kind, q.Exchange)
		d.ifMap(at, func(path string) { d.checkHandler(path, h) })
	}
	if d.bad[path] {
		return
	}
	// What the worker itself would say, and has not been said with a better place.
	w := topology.WorkQueue{
		Name: q.Name, Exchange: q.Exchange, ExchangeKind: kind, Keys: keys, BindingArguments: q.BindingArguments,
		Type: q.Type, MaxPriority: q.MaxPriority, DeliveryLimit: q.DeliveryLimit, MessageTTL: time.Duration(q.MessageTTL),
		MaxLength: q.MaxLength, SingleActive: q.SingleActive, Arguments: q.Arguments,
	}
	if err := w.Validate(); err != nil {
		d.complainf(path, "%s", oneLine(err))
	}
	if err := q.Retry.Policy().Validate(); err != nil {
		d.complainf(join(path, "retry"), "%s", oneLine(err))
	}
}

func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

// exchangeType is that of a listed exchange; "" if there is none.
func exchangeType(c *Config, name string) string {
	if i := slices.IndexFunc(c.Exchanges, func(e Exchange) bool { return e.Name == name }); i >= 0 {
		return c.Exchanges[i].Type
	}
	return ""
}

// checkKey says what Subscription.Handle would panic with. The schema has refused an empty key.
func (d *document) checkKey(path, key, kind, exchange string) {
	pattern, err := topic.Parse(key)
	switch {
	case key == "" || d.bad[path]:
	case err != nil:
		d.complainf(path, "%s", err)
	case kind == "direct" && !pattern.IsLiteral():
		d.complainf(path, "key is %q, which is a pattern, and the exchange %q is direct, want the key itself", key, exchange)
	}
}

func hasWildcard(name string) bool {
	words := strings.Split(name, ".")
	return slices.Contains(words, "*") || slices.Contains(words, "#")
}

func (d *document) checkQueueName(path, name string) {
	at := join(path, "name")
	of, isDead := strings.CutSuffix(name, ".dlq")
	delays, isParking := strings.CutSuffix(name, ".delay")
	switch {
	case reserved(name):
		d.complainf(at, "name is %q: names that begin with amq. or warren. are reserved", name)
	case hasWildcard(name):
		d.complainf(at, "name is %q: its word * or # means any word in a routing key", name)
	case len(name) > 200:
		d.complainf(at, "name has %d bytes, want at most 200", len(name))
	case isDead && d.named("queues", "name")[of] != nil:
		d.complainf(at, "name is %q, which is the dead-letter queue of %q", name, of)
	case isParking && d.named("queues", "name")[delays] != nil:
		d.complainf(at, "name is %q, which is the parking queue of %q", name, delays)
	}
}

// checkPace is about what one process takes at a time.
func (d *document) checkPace(path string, q Queue) {
	switch {
	case !d.sound(path, "prefetch", "concurrency", "max_priority"):
	case q.Prefetch > 0 && q.Prefetch < q.Concurrency:
		d.complainf(join(path, "prefetch"), "prefetch is %d, want the concurrency %d or more: the broker would not send more at a time", q.Prefetch, q.Concurrency)
	case q.Prefetch == 0 && q.MaxPriority == 0 && 2*q.Concurrency > maxPrefetch:
		d.complainf(join(path, "concurrency"), "concurrency is %d, want at most %d, or a prefetch: it is twice the concurrency, and AMQP has %d", q.Concurrency, maxPrefetch/2, maxPrefetch)
	}
}

// checkKind is about what each type of queue can do.
func (d *document) checkKind(path string, q Queue) {
	if !d.sound(path, "type", "max_priority", "delivery_limit") {
		return
	}
	if q.MaxPriority > 0 && q.Type == topology.Quorum {
		d.complainf(join(path, "max_priority"), "max_priority needs a classic queue, and type is quorum: RabbitMQ refuses x-max-priority there")
	}
	switch limit := join(path, "delivery_limit"); {
	case q.DeliveryLimit == 0:
	case q.MaxPriority > 0:
		d.complainf(limit, "delivery_limit has no meaning with max_priority: the queue is classic then, and classic queues take none")
	case q.Type == topology.Classic:
		d.complainf(limit, "delivery_limit has no meaning with type classic: classic queues take none")
	}
}

func (d *document) checkRetry(path string, r Retry) {
	if d.wrong[path] {
		return
	}
	if r.MaxAttempts == 0 {
		d.complainf(join(path, "max_attempts"), "max_attempts is 0, want 1 or more, or -1 for no limit")
	}
	d.checkIntervals(path, r.InitialInterval, r.MaxInterval)
}

// checkIntervals points at the one of the two that is there.
func (d *document) checkIntervals(path string, initial, longest Duration) {
	if initial == 0 || longest == 0 || longest >= initial || !d.sound(path, "initial_interval", "max_interval") {
		return
	}
	at := join(path, "max_interval")
	if d.nodes[at] == nil {
		at = join(path, "initial_interval")
	}
	d.complainf(at, "max_interval is %v, want the initial_interval %v or more", longest, initial)
}
