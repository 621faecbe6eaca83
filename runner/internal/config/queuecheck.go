package config

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/warren-mq/warren/internal/topic"
	"github.com/warren-mq/warren/topology"
)

// maxPrefetch is the largest prefetch in AMQP.
const maxPrefetch = 1<<16 - 1

func (d *document) checkQueue(path string, q Queue, c *Config) {
	d.checkListed("brokers", join(path, "broker"), q.Broker)
	d.checkListed("codecs", join(path, "codec"), q.Codec)
	if topology.Mode(q.Topology).Manages() { // otherwise its exchanges have another owner, too
		d.checkKnown(join(path, "exchange"), q.Exchange)
		for i, b := range q.Bindings {
			d.checkKnown(join(path, "bindings."+strconv.Itoa(i)+".exchange"), b.Exchange)
		}
	}
	d.checkQueueName(path, q.Name)
	d.checkDeadLetters(path, q, c)
	d.checkPace(path, q)
	d.checkBreaker(path, q)
	d.checkKind(path, q)
	d.checkArguments(path, q)
	d.checkRetry(join(path, "retry"), q.Retry)
	d.checkNative(path, q)
	if q.Partitions > 0 && q.OrderBy == "" {
		d.complainf(join(path, "partitions"), "partitions is %d and order_by is missing, want the key whose messages stay in order", q.Partitions)
	}
	keys := d.checkHandlers(join(path, "handlers"), q, exchangeType(c, q.Exchange))
	d.checkBatches(path, q)
	d.checkLimit(path, q.Limit)
	d.checkLimits(path, q, c)
	if d.bad[path] {
		return
	}
	// These are the checks of the worker. Most faults were reported above with a more
	// precise place.
	if err := q.Worker(c.Exchanges).WorkQueue(keys).Validate(); err != nil {
		d.complainf(path, "%s", oneLine(err))
	}
	if err := q.Retry.Policy().Validate(); err != nil {
		d.complainf(join(path, "retry"), "%s", oneLine(err))
	}
}

// checkHandlers checks the handlers of q, whose exchange has the type kind, and returns their keys.
func (d *document) checkHandlers(path string, q Queue, kind string) (keys []string) {
	d.checkUnique(path, "key")
	for i, h := range q.Handlers {
		at := join(path, strconv.Itoa(i))
		keys = append(keys, h.Key)
		d.checkKey(join(at, "key"), h.Key, kind, q.Exchange)
		d.ifMap(at, func(path string) { d.checkHandler(path, h) })
		d.checkLimit(at, h.Limit)
	}
	return keys
}

func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

// exchangeType returns the type of an exchange in the configuration, or "".
func exchangeType(c *Config, name string) string {
	if i := slices.IndexFunc(c.Exchanges, func(e Exchange) bool { return e.Name == name }); i >= 0 {
		return c.Exchanges[i].Type
	}
	return ""
}

// checkKey reports the faults of a key with which Handle would panic. The schema has
// reported an empty key.
func (d *document) checkKey(path, key, kind, exchange string) {
	pattern, err := topic.Parse(key)
	switch {
	case key == "" || d.bad[path]:
	case err != nil:
		d.complainf(path, "%s", err)
	case kind == "direct" && !pattern.IsLiteral():
		d.complainf(path, "key is %q, want a routing key without * and #: the exchange %q is direct and has no patterns", key, exchange)
	}
}

func hasWildcard(name string) bool {
	words := strings.Split(name, ".")
	return slices.Contains(words, "*") || slices.Contains(words, "#")
}

func (d *document) checkQueueName(path, name string) {
	at := join(path, "name")
	delays, isParking := strings.CutSuffix(name, ".delay")
	switch {
	case reserved(name):
		d.complainf(at, "name is %q, want another: names that begin with amq. or warren. are reserved", name)
	case hasWildcard(name):
		d.complainf(at, "name is %q, want no word * or #, because they match any word in a routing key", name)
	case len(name) > 200:
		d.complainf(at, "name has %d bytes, want at most 200", len(name))
	case isParking && d.named("queues", "name")[delays] != nil:
		d.complainf(at, "name is %q, want another: it is the parking queue of %q", name, delays)
	}
}

// checkDeadLetters compares the queue with the other queues of its broker: none may be the
// dead-letter queue of another one, and those that share a dead-letter queue must agree on its
// settings. The fault is at the later one of the two; the first one counts.
func (d *document) checkDeadLetters(path string, q Queue, c *Config) {
	earlier, shared, mine := true, false, q.DeadLetterQueue()
	for _, other := range c.Queues {
		earlier = earlier && other.Name != q.Name
		switch {
		case other.Name == q.Name || other.Broker != q.Broker:
		case other.DeadLetterQueue() == q.Name:
			d.complainf(join(path, "name"), "name is %q, want another: it is the dead-letter queue of %q", q.Name, other.Name)
		case earlier && !shared && mine != "" && mine == other.DeadLetterQueue():
			if shared = true; !q.DeadLetters.sameQueue(other.DeadLetters) {
				d.complainf(join(path, "dead_letters"), "dead_letters has other settings than those of %q, want the same message_ttl, max_length and overflow: both are the queue %q",
					other.Name, mine)
			}
		}
	}
}

// sameQueue reports whether the dead-letter queues of d and other have the same settings.
func (d DeadLetters) sameQueue(other DeadLetters) bool {
	return d.MessageTTL == other.MessageTTL && d.MaxLength == other.MaxLength &&
		cmp.Or(d.Overflow, "reject-publish") == cmp.Or(other.Overflow, "reject-publish")
}

// checkPace checks concurrency and prefetch.
func (d *document) checkPace(path string, q Queue) {
	most, standard := q.mostConcurrency()
	switch {
	case !d.sound(path, "prefetch", "concurrency", "max_priority"):
	case q.Prefetch > 0 && q.Prefetch < q.AtOnce():
		d.complainf(join(path, "prefetch"), "prefetch is %d, want %s or more: the broker sends at most prefetch messages at a time", q.Prefetch, q.leastPrefetch())
	case q.Prefetch == 0 && q.Concurrency > most:
		d.complainf(join(path, "concurrency"), "concurrency is %d, want at most %d, or a prefetch: the default prefetch is %s, and AMQP allows %d", q.Concurrency, most, standard, maxPrefetch)
	}
}

// checkKind checks the settings that depend on the type of the queue.
func (d *document) checkKind(path string, q Queue) {
	if !d.sound(path, "type", "max_priority", "delivery_limit") {
		return
	}
	switch limit := join(path, "delivery_limit"); {
	case q.DeliveryLimit == 0:
	case q.Type == "" && q.MaxPriority > 0:
		d.complainf(limit, "delivery_limit is set, want none with max_priority, or type quorum: max_priority makes a classic queue, which has no delivery limit")
	case q.Type == topology.Classic:
		d.complainf(limit, "delivery_limit is set, want none with type classic: classic queues have no delivery limit")
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

// checkNative checks the settings that the broker cannot keep with native delays.
func (d *document) checkNative(path string, q Queue) {
	if q.Delays != topology.Native {
		return
	}
	at := join(path, "retry")
	switch {
	case q.HoldRetries:
		d.complainf(join(path, "hold_retries"), "hold_retries is true, want false with native delays: the broker keeps the failed messages")
	case q.OnlyArguments:
		d.complainf(join(path, "only_arguments"), "only_arguments is true, want false with native delays: the pauses are arguments of the queue")
	case q.PerProcess:
		d.complainf(join(path, "per_process"), "per_process is true, want false with native delays: only quorum queues have native delays, and the queue of a process is classic")
	case q.SingleActive:
		d.complainf(join(path, "single_active"), "single_active is true, want false with native delays: each stop would count as an attempt of all prefetched messages and delay them behind later ones")
	case !q.Worker(nil).WorkQueue(nil).CountsDeliveries():
		d.complainf(join(path, "delays"), "delays is native, want none, or the type quorum: only quorum queues have native delays")
	case d.wrong[at]:
	case q.Retry.Multiplier != 0 && q.Retry.Multiplier != 1:
		d.complainf(join(at, "multiplier"), "multiplier is %v, want none or 1 with native delays: the broker's pauses grow by the initial_interval, or are equal", q.Retry.Multiplier)
	case q.Retry.RandomizationFactor > 0:
		d.complainf(join(at, "randomization_factor"), "randomization_factor is %v, want 0 with native delays: the broker does not randomize pauses", q.Retry.RandomizationFactor)
	case q.Retry.MaxAttempts < 0:
		d.complainf(join(at, "max_attempts"), "max_attempts is %d, want 1 or more with native delays: the broker's delivery limit counts retries too", q.Retry.MaxAttempts)
	case time.Duration(q.Retry.InitialInterval)%time.Millisecond != 0:
		d.complainf(join(at, "initial_interval"), "initial_interval is %v, want whole milliseconds with native delays", q.Retry.InitialInterval)
	case time.Duration(q.Retry.MaxInterval)%time.Millisecond != 0:
		d.complainf(join(at, "max_interval"), "max_interval is %v, want whole milliseconds with native delays", q.Retry.MaxInterval)
	}
}

// checkIntervals checks that longest is not below initial. The fault is at the one of the
// two that is in the file.
func (d *document) checkIntervals(path string, initial, longest Duration) {
	if initial == 0 || longest == 0 || longest >= initial || !d.sound(path, "initial_interval", "max_interval") {
		return
	}
	at := join(path, "max_interval")
	if d.nodes[at] == nil {
		at = join(path, "initial_interval")
	}
	d.complainf(at, "max_interval is %v, want %v (the initial_interval) or more", longest, initial)
}
