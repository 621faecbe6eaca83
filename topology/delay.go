package topology

import (
	"fmt"
	"maps"
	"math/bits"
	"strings"
	"time"

	"github.com/warren-mq/warren/message"
)

// DueExchange is the direct exchange through which messages leave the levels for their
// parking queues. The routing key is the parking queue's name. Messages that no queue takes
// there go to UnroutedQueue.
const DueExchange = "warren.delay.due"

// UnroutedQueue takes delayed messages whose queue does not exist when they are due. It is
// declared when it is first used.
const UnroutedQueue = "warren.unrouted"

// NeverReached is a delivery limit for queues whose messages are only inspected, because
// each inspection that requeues a message counts as a delivery.
const NeverReached = 2147483647

// DisconnectedTimeout is the value, in milliseconds, of x-consumer-disconnected-timeout for
// quorum queues that workers consume. When the node of a consumer's connection has died,
// RabbitMQ 4.3 waits for this time before it delivers the consumer's messages to others and
// replaces a single active consumer. The broker's default is 60 s. Earlier versions do not wait.
const DisconnectedTimeout = 5000

// ParkingQueue returns the name of the parking queue of a work queue. It holds messages
// that the work queue is to receive later.
func ParkingQueue(queue string) string { return queue + parkingSuffix }

const parkingSuffix = ".delay"

// ExchangeParkingPrefix begins the names of the parking queues of exchanges.
const ExchangeParkingPrefix = "warren.delayed."

// ExchangeParking returns the name of the parking queue of an exchange. It holds messages
// that were published to the exchange with a delay.
func ExchangeParking(exchange string) string { return ExchangeParkingPrefix + exchange }

// IsParking reports whether a name is the name of a parking queue.
func IsParking(queue string) bool {
	return strings.HasSuffix(queue, parkingSuffix) || strings.HasPrefix(queue, ExchangeParkingPrefix)
}

// QueueParking declares the parking queue of a work queue, in addition to Shared. A message
// that can never be published to the work queue is dead-lettered to the work queue's
// dead-letter queue.
func QueueParking(queue string) Topology {
	return parking(ParkingQueue(queue), message.Headers{
		"x-dead-letter-exchange": DeadLetterExchange, "x-dead-letter-routing-key": queue,
	})
}

// DelayedExchange declares the parking queue of an exchange, in addition to Shared.
func DelayedExchange(exchange string) Topology {
	return parking(ExchangeParking(exchange), message.Headers{"x-dead-letter-exchange": UnroutedQueue})
}

// parking declares a parking queue and its way out of the levels. It dead-letters at most
// once: RabbitMQ 3.10 ends all at-least-once dead lettering of a node if a few such queues are
// deleted just after they were declared (rabbit_fifo_dlx_worker: not_found), and then refuses
// further ones with 541. A single active consumer
// keeps all that waits, so that one process knows what is due next.
func parking(name string, deadLetter message.Headers) Topology {
	args := message.Headers{
		"x-queue-type":             Quorum,
		"x-queue-leader-locator":   LeaderLocator,
		"x-single-active-consumer": true,
		"x-delivery-limit":         NeverReached,
		"x-overflow":               "reject-publish",

		"x-consumer-disconnected-timeout": DisconnectedTimeout,
	}
	maps.Copy(args, deadLetter)
	return Topology{
		Queues:   []Queue{{Name: name, Arguments: args}},
		Bindings: []Binding{{Exchange: DueExchange, Key: name, Queue: name}},
	}
}

func dueExchange() Exchange {
	return Exchange{Name: DueExchange, Kind: "direct", Arguments: message.Headers{"alternate-exchange": UnroutedQueue}}
}

// Levels hold messages on disk for a number of seconds that is a power of two. RabbitMQ
// accepts a TTL of 49 days at most.
const (
	ShortestLevel = time.Second
	LongestLevel  = 1 << 22 * time.Second // 48.5 days
)

// Level returns the longest level that is not longer than d, or ShortestLevel if d is
// shorter.
func Level(d time.Duration) time.Duration {
	d = min(max(d, ShortestLevel), LongestLevel)
	return time.Second << (bits.Len64(uint64(d/time.Second)) - 1)
}

// LevelPrefix begins the names of the levels.
const LevelPrefix = "warren.delay."

// LevelName returns the name of a level, which its exchange and its queue share:
// warren.delay.64s.
func LevelName(level time.Duration) string {
	return fmt.Sprintf(LevelPrefix+"%ds", int64(level/time.Second))
}

// LevelTopology declares a level, and the exchange and the queue that its messages need
// when they leave it.
func LevelTopology(level time.Duration) Topology {
	name := LevelName(level)
	return Unrouted().Merge(Topology{
		Exchanges: []Exchange{dueExchange(), {Name: name, Kind: "fanout"}},
		Queues:    []Queue{{Name: name, Arguments: holdingArguments(level, DueExchange)}},
		Bindings:  []Binding{{Exchange: name, Queue: name}},
	})
}

// Levels declares all levels. A program that may declare topology declares each one when it is
// first used.
func Levels() (t Topology) {
	for level := ShortestLevel; level <= LongestLevel; level *= 2 {
		t = t.Merge(LevelTopology(level))
	}
	return t.Unique()
}

// holdingArguments returns the arguments of a queue that keeps messages for ttl and loses
// none on the way to the exchange next. At-least-once dead-lettering needs both the
// strategy and the overflow setting.
func holdingArguments(ttl time.Duration, next string) message.Headers {
	return message.Headers{
		"x-queue-type":           Quorum,
		"x-queue-leader-locator": LeaderLocator,
		"x-message-ttl":          ttl.Milliseconds(),
		"x-dead-letter-exchange": next,
		"x-dead-letter-strategy": "at-least-once",
		"x-overflow":             "reject-publish",
		"x-delivery-limit":       NeverReached,
	}
}

// Unrouted declares the queue for messages whose destination no longer exists.
func Unrouted() Topology {
	return Topology{
		Exchanges: []Exchange{{Name: UnroutedQueue, Kind: "fanout"}},
		Queues: []Queue{{Name: UnroutedQueue, Arguments: message.Headers{
			"x-queue-type": Quorum, "x-queue-leader-locator": LeaderLocator, "x-delivery-limit": NeverReached,
		}}},
		Bindings: []Binding{{Exchange: UnroutedQueue, Queue: UnroutedQueue}},
	}
}
