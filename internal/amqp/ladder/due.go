package ladder

import (
	"strings"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
)

// second is the precision of the times that the broker and the timestamp property have.
const second = time.Second

// slack is how long before it entered the ladder a message may have been published.
const slack = 5 * time.Second

// dueTimes computes when the messages of one level would have left the ladder. AMQP does not
// show when a message entered a queue.
type dueTimes struct {
	level   int
	entered time.Time // a time at or before which the next message entered the level
}

// of returns when the message would have left the ladder. If the message does not contain
// when it entered the level, the time counts from now, so it is never earlier.
func (t *dueTimes) of(d *amqp091.Delivery, r route, now time.Time) time.Time {
	at, known := passed(d.Headers)
	if !known {
		at = published(d)
		life := grain << t.level
		known = !at.After(now) && now.Sub(at) < life+life/8+slack
	}
	if !known {
		return now.Add(r.remaining(t.level))
	}
	if at.Before(t.entered) { // a level is in the order in which messages entered it
		at = t.entered
	}
	t.entered = at
	return at.Add(r.remaining(t.level))
}

// passed returns when the message left the level before, according to x-death.
func passed(h amqp091.Table) (at time.Time, ok bool) {
	deaths, _ := h["x-death"].([]any)
	for _, entry := range deaths {
		death, _ := entry.(amqp091.Table)
		queue, _ := death["queue"].(string)
		left, isTime := death["time"].(time.Time)
		if isTime && strings.HasPrefix(queue, topology.LevelPrefix) && left.After(at) {
			at, ok = left, true
		}
	}
	return at.Add(second), ok
}

// published returns when the message was published to the ladder, or the zero time. A copy
// for a retry contains the time of the failure. Another message contains its timestamp. A
// snoozed message contains neither.
func published(d *amqp091.Delivery) time.Time {
	h := message.Headers(d.Headers)
	if h.String(record.HeaderQueue) != "" {
		at, err := h.Time(record.HeaderLastFailedAt)
		if err != nil {
			return time.Time{}
		}
		return at
	}
	if d.Timestamp.IsZero() {
		return time.Time{}
	}
	return d.Timestamp.Add(second)
}
