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

// expire dead-letters what is too old, and sets the timer for what will be. As in
// RabbitMQ only the head is looked at: a message that expires later, or never, holds
// those behind it.
func (q *queue) expire() {
	now := time.Now()
	it := q.ready.head()
	for it != nil && it.expired(now) {
		q.ready.remove(it)
		q.deadLetter(it, expired)
		it = q.ready.head()
	}
	q.watch(it)
}

// watch sets the timer for the head; nil if there is none.
func (q *queue) watch(head *item) {
	if q.expiry != nil {
		q.expiry.Stop()
		q.expiry = nil
	}
	if head != nil && !head.expires.IsZero() && !q.deleted {
		q.expiry = time.AfterFunc(time.Until(head.expires), func() { q.broker().do(q.expire) })
	}
}
