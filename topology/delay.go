package topology

import (
	"fmt"
	"maps"
	"math/bits"
	"time"

	"github.com/warren-mq/warren/message"
)

// DueExchange is the direct exchange through which messages leave the levels for their
// parking queues; the routing key is the parking queue's name. What has no queue there
// goes to UnroutedQueue.
const DueExchange = "warren.delay.due"

// UnroutedQueue takes what was to be delivered later, to a queue that no longer exists by
// then. It is declared when it is first used.
const UnroutedQueue = "warren.unrouted"

// NeverReached is a delivery limit for queues whose messages are only looked at:
// each look that requeues counts as a delivery.
const NeverReached = 2147483647

// ParkingQueue is the name of the parking queue of a work queue: it holds what the queue
// is to receive later.
func ParkingQueue(queue string) string { return queue + ".delay" }

// ExchangeParkingPrefix begins the names of the parking queues of exchanges.
const ExchangeParkingPrefix = "warren.delayed."

// ExchangeParking is the name of the parking queue of an exchange: it holds what was
// published to the exchange with a delay.
func ExchangeParking(exchange string) string { return ExchangeParkingPrefix + exchange }

// QueueParking declares the parking queue of a work queue, beside Shared. A message that can never be
// published to the work queue is dead-lettered to the work queue's dead-letter queue.
func QueueParking(queue string) Topology {
	return parking(ParkingQueue(queue), message.Headers{
		"x-dead-letter-exchange": DeadLetterExchange, "x-dead-letter-routing-key": queue,
	})
}

// DelayedExchange declares the parking queue of an exchange, beside Shared.
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
		"x-single-active-consumer": true,
		"x-delivery-limit":         NeverReached,
		"x-overflow":               "reject-publish",
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

// Levels hold messages on disk for a power of two of seconds. RabbitMQ takes a TTL of 49
// days at most.
const (
	ShortestLevel = 8 * time.Second
	LongestLevel  = 1 << 22 * time.Second // 48.5 days
)

// Level is the longest level that is no longer than d; ShortestLevel if d is shorter.
func Level(d time.Duration) time.Duration {
	d = min(max(d, ShortestLevel), LongestLevel)
	return time.Second << (bits.Len64(uint64(d/time.Second)) - 1)
}

// LevelPrefix begins the names of the levels.
const LevelPrefix = "warren.delay."

// LevelName is the name of a level, of its exchange and its queue: warren.delay.64s.
func LevelName(level time.Duration) string {
	return fmt.Sprintf(LevelPrefix+"%ds", int64(level/time.Second))
}

// LevelTopology declares a level and what its messages need on their way out.
func LevelTopology(level time.Duration) Topology {
	name := LevelName(level)
	return Unrouted().Merge(Topology{
		Exchanges: []Exchange{dueExchange(), {Name: name, Kind: "fanout"}},
		Queues:    []Queue{{Name: name, Arguments: holdingArguments(level, DueExchange)}},
		Bindings:  []Binding{{Exchange: name, Queue: name}},
	})
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

// Unrouted declares the queue for messages whose destination no longer exists.
func Unrouted() Topology {
	return Topology{
		Exchanges: []Exchange{{Name: UnroutedQueue, Kind: "fanout"}},
		Queues: []Queue{{Name: UnroutedQueue, Arguments: message.Headers{
			"x-queue-type": Quorum, "x-delivery-limit": NeverReached,
		}}},
		Bindings: []Binding{{Exchange: UnroutedQueue, Queue: UnroutedQueue}},
	}
}
