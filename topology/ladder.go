package topology

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"time"

	"github.com/warren-mq/warren/message"
)

// The delay ladder holds messages for later, for the whole virtual host. Level k
// is a queue whose messages expire after 100 ms × 2^k; a message visits just the
// levels whose bit is set in its delay, highest first, and then its work queue.
const (
	// DelayGrain is the step in which delays are kept; they are rounded up to it.
	DelayGrain = 100 * time.Millisecond
	// MaxDelay is the longest delay, about 9.7 days. Longer ones become it.
	MaxDelay = (1<<LadderLevels - 1) * DelayGrain

	LadderLevels = 23
	ladderOut    = "warren.delay.out" // from here messages return to their work queues

	// UnroutedQueue takes what comes out of the ladder for a work queue that no
	// longer exists. Without it 32 such messages would stop a level for everyone.
	UnroutedQueue = "warren.unrouted"
)

// NeverReached is a delivery limit for queues whose messages are only looked at:
// each look that requeues counts as a delivery.
const NeverReached = 2147483647

// LadderPrefix begins the names of the ladder's levels.
const LadderPrefix = "warren.delay."

// LadderLevel returns the name of level k: of its exchange and of its queue.
func LadderLevel(k int) string { return fmt.Sprintf(LadderPrefix+"%02d", k) }

// ladderNext is where level k hands its messages on to.
func ladderNext(k int) string {
	if k == 0 {
		return ladderOut
	}
	return LadderLevel(k - 1)
}

// LadderSteps is d in grains, rounded up: never early.
func LadderSteps(d time.Duration) uint32 {
	d = min(max(d, 0), MaxDelay)
	return uint32((d + DelayGrain - 1) / DelayGrain)
}

// LadderEntry is the exchange at which a message with that delay enters.
func LadderEntry(steps uint32) string { return LadderLevel(max(bits.Len32(steps)-1, 0)) }

// LadderKey is the delay's bits, one a word, and the tail that names the queue.
func LadderKey(steps uint32, queue string) string {
	var b strings.Builder
	b.Grow(2*LadderLevels + len(queue))
	for k := LadderLevels - 1; k >= 0; k-- {
		b.WriteByte('0' + byte(steps>>k&1))
		b.WriteByte('.')
	}
	b.WriteString(queue)
	return b.String()
}

// ladderReturn binds a work queue to the end of the ladder. The number of words
// before the name is fixed, so "email" never matches what is for "welcome.email".
func ladderReturn(queue string) Binding {
	return Binding{Exchange: ladderOut, Key: strings.Repeat("*.", LadderLevels) + queue, Queue: queue}
}

// Ladder is the delay ladder, the dead-letter exchange and the queue for what has
// no destination: everything that all work queues of a virtual host share.
func Ladder() Topology {
	t := Topology{
		Exchanges: []Exchange{
			{Name: DeadLetterExchange, Kind: "direct"},
			{Name: UnroutedQueue, Kind: "fanout"},
			{Name: ladderOut, Kind: "topic", Arguments: message.Headers{"alternate-exchange": UnroutedQueue}},
		},
		Queues: []Queue{{Name: UnroutedQueue, Arguments: message.Headers{
			"x-queue-type": "quorum", "x-delivery-limit": NeverReached,
		}}},
		Bindings: []Binding{{Exchange: UnroutedQueue, Queue: UnroutedQueue}},
	}
	for k := range LadderLevels {
		t.addLevel(k)
	}
	return t
}

func (t *Topology) addLevel(k int) {
	name, skip := LadderLevel(k), strings.Repeat("*.", LadderLevels-1-k)
	t.Exchanges = append(t.Exchanges, Exchange{Name: name, Kind: "topic"})
	t.Queues = append(t.Queues, Queue{Name: name, Arguments: holdingArguments(DelayGrain<<k, ladderNext(k))})
	t.Bindings = append(t.Bindings,
		Binding{Exchange: name, Key: skip + "1.#", Queue: name},
		Binding{Exchange: name, Key: skip + "0.#", ToExchange: ladderNext(k)})
}

// holdingArguments are those of a queue that keeps messages for ttl and loses none
// on the way to exchange next: both settings are needed for at-least-once.
func holdingArguments(ttl time.Duration, next string) message.Headers {
	return message.Headers{
		"x-queue-type":           "quorum",
		"x-message-ttl":          ttl.Milliseconds(),
		"x-dead-letter-exchange": next,
		"x-dead-letter-strategy": "at-least-once",
		"x-overflow":             "reject-publish",
		"x-delivery-limit":       NeverReached,
	}
}

// LadderExchange is what a delayed publish to an exchange needs: a queue that
// hands on at once whatever comes out of the ladder. It is one per exchange, so
// that messages nobody wants wait apart from everyone else's.
func LadderExchange(exchange string) Topology {
	name := "warren.delay.to." + exchange
	return Topology{
		Queues:   []Queue{{Name: name, Arguments: holdingArguments(0, exchange)}},
		Bindings: []Binding{ladderReturn(name)},
	}
}

// DelayedQueue is the end of the ladder for a queue that may refuse what comes, or
// of which nothing is known: another queue takes it from the ladder at once and
// holds it until the queue is ready. 32 refused messages would stop a level.
func DelayedQueue(queue string) Topology {
	name := "warren.delay.for." + queue
	args := holdingArguments(0, "")
	args["x-dead-letter-routing-key"] = queue
	return Topology{Queues: []Queue{{Name: name, Arguments: args}}, Bindings: []Binding{ladderReturn(name)}}
}

// CheckDelayedKey refuses a routing key that the ladder would take for a delay:
// it is matched beside the delay's bits (RabbitMQ's sender-selected distribution).
func CheckDelayedKey(key string, steps uint32) error {
	words := strings.Split(key, ".")
	from := max(LadderLevels-max(bits.Len32(steps), 1), 0)
	if len(words) > LadderLevels {
		return fmt.Errorf("routing key %q has %d words, want at most %d for a delayed publish", key, len(words), LadderLevels)
	}
	if from < len(words) && slices.ContainsFunc(words[from:], func(w string) bool { return w == "0" || w == "1" }) {
		return fmt.Errorf("routing key %q cannot be delayed for so long: its word %d or a later one is 0 or 1", key, from+1)
	}
	return nil
}
