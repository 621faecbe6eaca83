package devbroker

// full says whether the queue has reached x-max-length or x-max-length-bytes.
func (q *queue) full() bool {
	return q.maxLength >= 0 && int64(q.ready.count) >= q.maxLength ||
		q.maxBytes >= 0 && q.ready.bytes >= q.maxBytes
}

// dropOverflow dead-letters from the head until the queue is within its limits.
func (q *queue) dropOverflow() {
	if q.overflow != dropHead {
		return
	}
	over := func() bool {
		return q.maxLength >= 0 && int64(q.ready.count) > q.maxLength ||
			q.maxBytes >= 0 && q.ready.bytes > q.maxBytes
	}
	for over() && q.ready.count > 0 {
		it := q.ready.head()
		q.ready.remove(it)
		q.deadLetter(it, maxlen)
	}
}
