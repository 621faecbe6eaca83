package devbroker

import "time"

// slowness implements RabbitMQ's consumer timeout, which limits how long a delivery may
// stay unacknowledged.
type slowness struct {
	timer *time.Timer
	due   time.Time // when the timer fires
}

func (s *slowness) stop() {
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
}

// timeout returns how long a delivery of this queue may stay unacknowledged. A negative
// value means no limit.
func (q *queue) timeout() time.Duration {
	if q.consumerTimeout > 0 && q.broker().gen.queueTimeouts {
		return q.consumerTimeout
	}
	if q.kind == classic && q.broker().gen.timeoutCancels {
		return -1
	}
	return q.broker().cfg.ConsumerTimeout
}

// watchSlowness sets the timer so that it fires when d times out, or earlier.
func (ch *channel) watchSlowness(d *delivery) {
	timeout := d.queue.timeout()
	due := d.since.Add(timeout)
	if timeout < 0 || ch.slow.timer != nil && !due.Before(ch.slow.due) {
		return
	}
	ch.slow.stop()
	ch.slow.due = due
	ch.slow.timer = time.AfterFunc(time.Until(due), func() { ch.broker().do(ch.endSlowness) })
}

// endSlowness applies the timeout as RabbitMQ does: up to 4.2 it closes the channel, since
// 4.3 it cancels the consumer.
func (ch *channel) endSlowness() {
	ch.slow.stop()
	if ch.closing || ch.conn.released {
		return
	}
	now := time.Now()
	for _, d := range ch.unacked.all {
		timeout := d.queue.timeout()
		if d.settled || d.late || timeout < 0 {
			continue
		}
		if now.Before(d.since.Add(timeout)) {
			ch.watchSlowness(d)
			continue
		}
		if !ch.broker().gen.timeoutCancels {
			reply := asReply(refuse(preconditionFailed, "delivery acknowledgement on channel %d timed out. Timeout value used:"+
				" %d ms. This timeout value can be configured, see consumers doc guide to learn more", ch.id, timeout.Milliseconds()))
			ch.close(reply)
			return
		}
		d.expire()
	}
}

// expire makes the message ready for other consumers and cancels the consumer. A late ack
// still removes the message.
func (d *delivery) expire() {
	d.leave()
	d.late = true
	if c := d.consumer; c != nil && c.channel.consumers[c.tag] == c {
		d.queue.removeConsumer(c)
		c.cancelledByBroker()
	}
	d.queue.putBack(d.item)
	d.queue.backAgain()
}
