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

// expire dead-letters what is too old. As in RabbitMQ only the heads are looked at: a
// message that expires later holds those behind it.
func (q *queue) expire() {
	now := time.Now()
	for {
		var old *item
		q.ready.heads(func(it *item) {
			if old == nil && it.expired(now) {
				old = it
			}
		})
		if old == nil {
			return
		}
		q.ready.remove(old)
		q.deadLetter(old, expired)
	}
}

// watchExpiry sets the timer for the head that expires next.
func (q *queue) watchExpiry() {
	var next time.Time
	q.ready.heads(func(it *item) {
		if !it.expires.IsZero() && (next.IsZero() || it.expires.Before(next)) {
			next = it.expires
		}
	})
	if q.expiry != nil {
		q.expiry.Stop()
		q.expiry = nil
	}
	if !next.IsZero() && !q.deleted {
		q.expiry = time.AfterFunc(time.Until(next), func() { q.broker().do(q.wake) })
	}
}
