package devbroker

import (
	"slices"
	"time"
)

// setExpiry sets when a message expires: by the time to live of the queue or of the
// message, whichever is shorter.
func (q *queue) setExpiry(it *item) {
	ttl := q.ttl
	if it.ttl >= 0 && (ttl < 0 || it.ttl < ttl) {
		ttl = it.ttl
	}
	if ttl >= 0 {
		it.expires = time.Now().Add(ttl)
	}
}

// expire dead-letters expired messages and sets the timer for the next one. As in RabbitMQ,
// it checks only the head: a message that expires later, or never, keeps the messages behind
// it in the queue. Some versions check the head of each level of a quorum queue.
func (q *queue) expire() {
	if q.kind != quorum || !q.broker().gen.levelsExpire {
		q.watch(q.expireFrom(q.ready.head, func(*item) { q.ready.take() }))
		return
	}
	var next *item
	for i := range slices.Backward(q.ready.levels) {
		it := q.expireFrom(func() *item { return q.ready.levels[i].first }, q.ready.remove)
		if it != nil && !it.expires.IsZero() && (next == nil || it.expires.Before(next.expires)) {
			next = it
		}
	}
	q.watch(next)
}

// expireFrom dead-letters the head while it is expired, and returns the head that remains.
func (q *queue) expireFrom(head func() *item, remove func(*item)) *item {
	now := time.Now()
	it := head()
	for it != nil && it != q.fresh && it.expired(now) {
		remove(it)
		q.deadLetter(it, expired)
		it = head()
	}
	return it
}

// watch sets the timer for the head, which is nil in an empty queue.
func (q *queue) watch(head *item) {
	if q.expiry != nil {
		q.expiry.Stop()
		q.expiry = nil
	}
	if head != nil && !head.expires.IsZero() && !q.deleted {
		q.expiry = time.AfterFunc(time.Until(head.expires), func() {
			q.broker().do(func() {
				q.expire()
				q.limit()
			})
		})
	}
}
