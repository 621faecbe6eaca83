package amqp

import (
	"context"
	"time"
)

// burst counts the outcomes that the broker may not have handled yet. A channel of RabbitMQ
// sends a quorum queue RequeueAtOnce commands at a time. It keeps further ones until the queue
// has handled these, and drops them if it is closed meanwhile (3.10 to 4.3): the queue then
// delivers acknowledged messages again.
type burst struct {
	commands int
	last     time.Time // when the last one was sent
}

// handledWithin is how long a queue most likely needs to handle RequeueAtOnce commands. The
// channel then sends all the others together.
const handledWithin = time.Second

func (b *burst) add() {
	now := time.Now()
	if now.Sub(b.last) >= handledWithin {
		b.commands = 0
	}
	b.commands, b.last = b.commands+1, now
}

// left returns how long to keep the channel open, so that no outcome is dropped.
func (b *burst) left() time.Duration {
	if b.commands <= RequeueAtOnce {
		return 0
	}
	return max(time.Until(b.last.Add(handledWithin)), 0)
}

// awaitHandled returns when the broker has most likely handled the outcomes that the settler
// has sent, when the channel is gone, or when ctx is done. The settler must have ended.
func (c *Consumer) awaitHandled(ctx context.Context) {
	left := c.settler.burst.left()
	if left == 0 {
		return
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.gone:
	case <-ctx.Done():
	}
}
