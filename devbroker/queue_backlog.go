package devbroker

import (
	"slices"
	"time"

	"github.com/warren-mq/warren/devbroker/internal/wire"
)

// item is a message in one queue, either ready or delivered.
type item struct {
	*message
	seq         uint64 // its place among messages of the same priority
	level       int    // its priority level in the queue
	weight      int64  // counted against the limit of bytes
	redelivered bool
	failures    int       // failed deliveries, including those that a dead letter brings from its former queue
	acquired    int       // how often this queue has requeued it
	expires     time.Time // zero for never
	due         time.Time // end of the pause before the last retry
	ready       bool      // is in the backlog
	done        bool      // was acked, dead-lettered or dropped

	next, prev *item
}

// expired reports whether the message's time to live has passed.
func (it *item) expired(now time.Time) bool { return !it.expires.IsZero() && !now.Before(it.expires) }

// backlog holds the ready messages of a queue, ordered by priority, highest first, and by
// age, oldest first. In a quorum queue, requeued messages come before all others.
type backlog struct {
	levels []line // in a quorum queue the last level holds requeued messages
	fair   bool   // with two levels, every third message may come from the low level
	turn   int    // counts up to 2 the messages taken from a fair backlog, requeued messages excluded
	count  int
	bytes  int64
}

// line is a list of items ordered by seq.
type line struct{ first, last *item }

func newBacklog(levels int, fair bool) backlog {
	return backlog{levels: make([]line, levels), fair: fair}
}

// frontLevel returns the level of requeued messages.
func (b *backlog) frontLevel() int { return len(b.levels) - 1 }

// put inserts an item at its place: the end, or its old place if it is requeued.
func (b *backlog) put(it *item) {
	it.ready = true
	b.count++
	b.bytes += it.weight
	l := &b.levels[it.level]
	after := l.last
	if l.first != nil && it.seq < l.first.seq {
		after = nil
	}
	for after != nil && after.seq > it.seq {
		after = after.prev
	}
	l.insert(it, after)
}

// insert inserts it behind after, or at the front if after is nil.
func (l *line) insert(it, after *item) {
	it.prev = after
	if after == nil {
		it.next, l.first = l.first, it
	} else {
		it.next, after.next = after.next, it
	}
	if it.next == nil {
		l.last = it
	} else {
		it.next.prev = it
	}
}

// remove removes an item.
func (b *backlog) remove(it *item) {
	it.ready = false
	b.count--
	b.bytes -= it.weight
	l := &b.levels[it.level]
	if it.prev == nil {
		l.first = it.next
	} else {
		it.prev.next = it.next
	}
	if it.next == nil {
		l.last = it.prev
	} else {
		it.next.prev = it.prev
	}
	it.next, it.prev = nil, nil
}

// head returns the next item, or nil if the backlog is empty.
func (b *backlog) head() *item {
	if b.fair && b.turn == 2 && b.levels[b.frontLevel()].first == nil {
		low, high := b.levels[0].first, b.levels[1].first
		if low != nil && high != nil && low.seq < high.seq {
			return low
		}
	}
	for _, l := range slices.Backward(b.levels) {
		if l.first != nil {
			return l.first
		}
	}
	return nil
}

// take removes and returns the head.
func (b *backlog) take() *item {
	it := b.head()
	if it == nil {
		return nil
	}
	if b.fair && it.level != b.frontLevel() {
		b.turn = (b.turn + 1) % 3
	}
	b.remove(it)
	return it
}

// each calls visit for each item, in order, until visit returns false.
func (b *backlog) each(visit func(*item) bool) {
	for _, l := range slices.Backward(b.levels) {
		for it := l.first; it != nil; it = it.next {
			if !visit(it) {
				return
			}
		}
	}
}

// levels returns how many priorities the queue distinguishes.
func (o options) levels(g generation) int {
	switch {
	case o.kind == classic:
		return o.maxPriority + 1
	case g.priorities == twoLevels:
		return 2
	case g.priorities == strict:
		return 32
	}
	return 1
}

// fair reports whether lower priorities get a share of the deliveries.
func (o options) fair(g generation) bool { return o.kind == quorum && g.priorities == twoLevels }

// level returns the level for a message's priority.
func (o options) level(g generation, m *message) int {
	priority := m.priority
	if o.kind == quorum && g.priorities == strict && m.parsed.Present&wire.HasPriority == 0 {
		priority = 4 // AMQP 1.0's default priority, for messages without one
	}
	if !o.fair(g) {
		return min(int(priority), o.levels(g)-1)
	}
	if priority > 4 {
		return 1
	}
	return 0
}
