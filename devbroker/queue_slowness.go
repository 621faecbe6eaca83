package devbroker

import "time"

// slowness watches for deliveries that nobody answers for too long: the consumer
// timeout of RabbitMQ.
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

// timeout is how long a delivery of this queue may stay without an answer; negative
// for ever.
func (q *queue) timeout() time.Duration {
	if q.consumerTimeout > 0 && q.broker().gen.queueTimeouts {
		return q.consumerTimeout
	}
	if q.kind == classic && q.broker().gen.timeoutCancels {
		return -1
	}
	return q.broker().cfg.ConsumerTimeout
}

// watchSlowness sees to it that the timer fires when d's time is over, if not before.
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

// endSlowness does what RabbitMQ does to slow consumers: up to 4.2 their channel is
// closed, since 4.3 the consumer is cancelled.
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

// expire gives the message to others and cancels the consumer. An ack that comes all
// the same still ends the message.
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
