package delay

import (
	"errors"
	"maps"
	"time"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/retry"
)

// goneAfter is how long a target must have been missing before its messages are published
// to the queue for messages without a destination. A worker that has lost its queue
// declares it again within that time.
const goneAfter = 30 * time.Second

// target is an address that has refused a message. One message at a time tries it. The
// others wait, and delay no other target.
type target struct {
	waiting  line
	failures int
	retryAt  time.Time
	probing  bool      // a message is trying it
	missing  time.Time // since when no queue takes its messages; zero if publishing failed for another reason
}

// gone reports whether the target has been missing for at least goneAfter.
func (t *target) gone(now time.Time) bool {
	return !t.missing.IsZero() && now.Sub(t.missing) >= goneAfter
}

// failed records a failure. Failures of messages that were in flight together count once.
func (t *target) failed(err error, now time.Time) {
	switch {
	case !errors.Is(err, amqp.ErrUnroutable):
		t.missing = time.Time{}
	case t.missing.IsZero():
		t.missing = now
	}
	if now.Before(t.retryAt) {
		return
	}
	t.probing = false
	t.failures++
	p := retry.Policy{InitialInterval: 100 * time.Millisecond, MaxInterval: 5 * time.Second}.WithDefaults()
	t.retryAt = now.Add(p.Delay(t.failures))
}

// next returns the message that is to try the target now, or nil.
func (t *target) next(now time.Time) *item {
	if len(t.waiting) == 0 || !t.gone(now) && (t.probing || now.Before(t.retryAt)) {
		return nil
	}
	t.probing = true
	return t.waiting.next(now)
}

// maxIdle is how many targets are kept before those without waiting messages are removed.
const maxIdle = 1000

// pruned returns the targets. If there are more than maxIdle, it removes targets without
// waiting messages.
func pruned(all map[Address]*target) map[Address]*target {
	if len(all) > maxIdle {
		maps.DeleteFunc(all, func(_ Address, t *target) bool { return len(t.waiting) == 0 })
	}
	return all
}
