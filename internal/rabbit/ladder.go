package rabbit

import (
	"errors"
	"fmt"
	"maps"
	"math/bits"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Ladder is the delay ladder of Warren's first versions. Level k is a topic exchange and a
// queue whose messages expire after 100 ms × 2^k.
type Ladder struct{ channel *amqp.Channel }

const (
	ladderLevels = 23
	ladderGrain  = 100 * time.Millisecond
	ladderExit   = "warren.delay.out"
)

// NewLadder declares the ladder.
func NewLadder(ch *amqp.Channel) (Ladder, error) {
	const unrouted = "warren.unrouted"
	l := Ladder{ch}
	_, err := ch.QueueDeclare(unrouted, true, false, false, false, amqp.Table{
		"x-queue-type": "quorum", "x-queue-leader-locator": "balanced", "x-delivery-limit": int64(2147483647),
	})
	errs := make([]error, 0, 4*(1+ladderLevels))
	errs = append(errs,
		err, ch.ExchangeDeclare(unrouted, "fanout", true, false, false, false, nil), ch.QueueBind(unrouted, "", unrouted, false, nil),
		ch.ExchangeDeclare(ladderExit, "topic", true, false, false, false, amqp.Table{"alternate-exchange": unrouted}),
	)
	for k := range ladderLevels {
		name, next, skip := LadderLevel(k), ladderExit, strings.Repeat("*.", ladderLevels-1-k)
		if k > 0 {
			next = LadderLevel(k - 1)
		}
		errs = append(errs,
			ch.ExchangeDeclare(name, "topic", true, false, false, false, nil),
			l.hold(name, ladderGrain<<k, next, nil),
			ch.QueueBind(name, skip+"1.#", name, false, nil),
			ch.ExchangeBind(next, skip+"0.#", name, false, nil))
	}
	return l, errors.Join(errs...)
}

// LadderLevel returns the name of the queue and of the exchange of level k.
func LadderLevel(k int) string { return fmt.Sprintf("warren.delay.%02d", k) }

func (l Ladder) hold(name string, ttl time.Duration, exchange string, more amqp.Table) error {
	args := amqp.Table{
		"x-queue-type": "quorum", "x-message-ttl": ttl.Milliseconds(), "x-dead-letter-exchange": exchange,
		"x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish", "x-delivery-limit": int64(2147483647),
	}
	maps.Copy(args, more)
	_, err := l.channel.QueueDeclare(name, true, false, false, false, args)
	return err
}

// Return binds a queue to the end of the ladder.
func (l Ladder) Return(queue string) error {
	return l.channel.QueueBind(queue, strings.Repeat("*.", ladderLevels)+queue, ladderExit, false, nil)
}

// To declares the queue through which delayed messages reach an exchange, and returns its
// name.
func (l Ladder) To(exchange string) (queue string, err error) {
	queue = "warren.delay.to." + exchange
	return queue, errors.Join(l.hold(queue, 0, exchange, nil), l.Return(queue))
}

// For declares the queue through which messages reach a queue that may refuse them, and
// returns its name.
func (l Ladder) For(queue string) (name string, err error) {
	name = "warren.delay.for." + queue
	return name, errors.Join(l.hold(name, 0, "", amqp.Table{"x-dead-letter-routing-key": queue}), l.Return(name))
}

// LadderEntry returns the exchange and the routing key by which a message for the queue
// enters the ladder.
func LadderEntry(d time.Duration, queue string) (exchange, key string) {
	steps := uint32((d + ladderGrain - 1) / ladderGrain)
	return LadderLevel(max(bits.Len32(steps)-1, 0)), strings.Join(strings.Split(fmt.Sprintf("%0*b", ladderLevels, steps), ""), ".") + "." + queue
}
