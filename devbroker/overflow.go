package devbroker

// full says whether the queue has reached x-max-length or x-max-length-bytes.
func (q *queue) full() bool {
	more := int64(0)
	if q.kind == quorum {
		more = 1 // it looks at what it has, and not at what is coming
	}
	return q.maxLength >= 0 && int64(q.ready.count) >= q.maxLength+more ||
		q.maxBytes >= 0 && q.ready.bytes >= q.maxBytes+more
}

// dropOverflow dead-letters from the head until the queue is within its limits, and
// says whether there was need to.
func (q *queue) dropOverflow() (dropped bool) {
	if q.overflow != dropHead {
		return false
	}
	over := func() bool {
		return q.maxLength >= 0 && int64(q.ready.count) > q.maxLength ||
			q.maxBytes >= 0 && q.ready.bytes > q.maxBytes
	}
	for over() && q.ready.count > 0 {
		q.deadLetter(q.ready.take(), maxlen)
		dropped = true
	}
	return dropped
}

// weigh is what a message counts against x-max-length-bytes.
func (q *queue) weigh(m *message) int64 {
	if q.kind == quorum && q.broker().gen.countsMetadata {
		return int64(len(m.body) + len(m.properties))
	}
	return int64(len(m.body))
}
