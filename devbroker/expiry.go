package devbroker

import "time"

// setExpiry sets when a message that arrives will be too old: by the time to live of
// the queue or its own, whichever is shorter.
func (q *queue) setExpiry(it *item) {
	ttl := q.ttl
	if it.ttl >= 0 && (ttl < 0 || it.ttl < ttl) {
		ttl = it.ttl
	}
	if ttl >= 0 {
		it.expires = time.Now().Add(ttl)
	}
}

// expire dead-letters what is too old. As in RabbitMQ only the head is looked at: a
// message that expires later, or never, holds those behind it.
func (q *queue) expire() {
	now := time.Now()
	for it := q.ready.head(); it != nil && it.expired(now); it = q.ready.head() {
		q.ready.remove(it)
		q.deadLetter(it, expired)
	}
}

// watchExpiry sets the timer for the head.
func (q *queue) watchExpiry() {
	if q.expiry != nil {
		q.expiry.Stop()
		q.expiry = nil
	}
	if it := q.ready.head(); it != nil && !it.expires.IsZero() && !q.deleted {
		q.expiry = time.AfterFunc(time.Until(it.expires), func() { q.broker().do(q.wake) })
	}
}
