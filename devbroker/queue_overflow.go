package devbroker

// full reports whether a classic queue has reached x-max-length or x-max-length-bytes.
func (q *queue) full() bool {
	return q.maxLength >= 0 && int64(q.ready.count) >= q.maxLength ||
		q.maxBytes >= 0 && q.ready.bytes >= q.maxBytes
}

// over reports whether the queue exceeds a limit.
func (q *queue) over() bool {
	return q.maxLength >= 0 && int64(q.ready.count) > q.maxLength ||
		q.maxBytes >= 0 && q.ready.bytes > q.maxBytes
}

// slack reports whether the queue is at or below four fifths of its limits.
func (q *queue) slack() bool {
	return (q.maxLength < 0 || int64(q.ready.count) <= fourFifths(q.maxLength)) &&
		(q.maxBytes < 0 || q.ready.bytes <= fourFifths(q.maxBytes))
}

func fourFifths(n int64) int64 { return n/5*4 + n%5*4/5 } // does not overflow

// refuses reports whether the queue refuses a message under reject-publish. A quorum queue
// checks its limits at the first message of a publisher, and limit updates the result for
// all publishers later. A dead letter of another queue with a nil publisher is always
// accepted.
func (q *queue) refuses(publisher any) bool {
	if q.kind == classic {
		return q.full()
	}
	if publisher == nil {
		return false
	}
	if _, known := q.publishers[publisher]; !known {
		if q.publishers == nil {
			q.publishers = map[any]bool{}
		}
		q.publishers[publisher] = q.over()
	}
	return q.publishers[publisher]
}

// limit applies the limits of a quorum queue at the end of each operation.
func (q *queue) limit() {
	if q.kind != quorum || q.deleted {
		return
	}
	if q.dropOverflow() {
		q.expire()
	}
	slack := q.slack()
	if over := q.over(); over || slack && !q.slacked {
		for p := range q.publishers {
			q.publishers[p] = over
		}
	}
	q.slacked = slack
}

// dropOverflow dead-letters from the head until the queue is within its limits, and reports
// whether it removed any message.
func (q *queue) dropOverflow() (dropped bool) {
	if q.overflow != dropHead {
		return false
	}
	for q.over() && q.ready.count > 0 {
		q.deadLetter(q.ready.take(), maxlen)
		dropped = true
	}
	return dropped
}

// weigh returns the bytes that a message counts against x-max-length-bytes.
func (q *queue) weigh(m *message) int64 {
	if q.kind == quorum && q.broker().gen.countsMetadata {
		return int64(len(m.body) + len(m.properties))
	}
	return int64(len(m.body))
}
