package ladder

import (
	"fmt"
	"strings"
	"time"

	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
)

const (
	levels = 23
	grain  = 100 * time.Millisecond
	// exit is the exchange through which messages left the ladder. Their queues are bound
	// to it.
	exit = topology.LevelPrefix + "out"
	// Queues between the exit and an exchange, or a queue that may refuse messages. Their
	// messages expire at once.
	toExchange = topology.LevelPrefix + "to."
	toQueue    = topology.LevelPrefix + "for."
)

// Level returns the name of the queue and of the exchange of level k.
func Level(k int) string { return fmt.Sprintf("%s%02d", topology.LevelPrefix, k) }

// route is the content of a routing key of the ladder.
type route struct {
	steps uint32 // the delay in grains: bit k is set if the message passes level k
	queue string // the queue bound to the exit
}

// parse reads a routing key: 23 words 0 or 1, the highest level first, and the queue.
func parse(key string) (r route, ok bool) {
	for k := levels - 1; k >= 0; k-- {
		bit, rest, found := strings.Cut(key, ".")
		if !found || bit != "0" && bit != "1" {
			return r, false
		}
		if key = rest; bit == "1" {
			r.steps |= 1 << k
		}
	}
	r.queue = key
	return r, key != ""
}

// remaining returns the time that the message spends in level k and below.
func (r route) remaining(k int) time.Duration {
	return time.Duration(r.steps&(1<<(k+1)-1)) * grain
}

// target returns where the message goes: to an exchange with its own routing key, or to a
// queue by the default exchange.
func (r route) target(h message.Headers) (exchange, key string) {
	if exchange, ok := strings.CutPrefix(r.queue, toExchange); ok {
		return exchange, h.String(record.HeaderRoutingKey)
	}
	return "", strings.TrimPrefix(r.queue, toQueue)
}
