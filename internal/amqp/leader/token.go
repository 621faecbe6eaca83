package leader

import (
	"context"
	"fmt"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
)

// Token names the two queues of an election. Queue holds one message, the token, and the
// consumer that has it is the leader. Copy holds a copy of the latest token, which any
// process can read.
type Token struct {
	Queue string
	Copy  string
}

// Topology returns both queues. The broker delivers the token to one consumer at a time,
// and to the next one when that consumer is gone.
func (t Token) Topology() topology.Topology {
	return topology.Topology{Queues: []topology.Queue{
		{Name: t.Queue, Arguments: message.Headers{
			"x-queue-type": topology.Quorum, "x-queue-leader-locator": topology.LeaderLocator,
			"x-delivery-limit": topology.NeverReached, "x-single-active-consumer": true,
			"x-consumer-disconnected-timeout": topology.DisconnectedTimeout,
		}},
		{Name: t.Copy, Arguments: message.Headers{
			"x-queue-type": topology.Quorum, "x-queue-leader-locator": topology.LeaderLocator,
			"x-delivery-limit": topology.NeverReached, "x-max-length": 1, "x-overflow": "drop-head",
		}},
	}}
}

// ReadToken returns the latest token of t. It returns false if there is none, or if another
// process reads it at this moment. It does not affect the leader.
func ReadToken(ctx context.Context, s *amqp.Session, t Token) (body []byte, ok bool, err error) {
	if body, ok, err = s.ReadLast(ctx, t.Copy); err != nil {
		return nil, false, fmt.Errorf("broker: read the token in %s: %w", t.Copy, err)
	}
	return body, ok, nil
}
