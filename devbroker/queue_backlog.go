package devbroker

import (
	"slices"
	"time"

	"github.com/warren-mq/warren/devbroker/internal/wire"
)

// item is a message in one queue: ready, or with a consumer.
type item struct {
	*message
	seq         uint64 // its place among those of its priority
	level       int    // its priority, as far as the queue knows priorities
	weight      int64  // against the limit of bytes
	redelivered bool
	failures    int       // deliveries that failed; a dead letter brings them along
	acquired    int       // times that this queue has taken it back
	expires     time.Time // zero for never
	ready       bool      // is in the backlog
	done        bool      // was acked or given up

	next, prev *item
}

// expired says whether the message has outlived its time.
func (it *item) expired(now time.Time) bool { return !it.expires.IsZero() && !now.Before(it.expires) }

// backlog keeps the messages of a queue that are ready, in order: the higher priority
// first, and in each the older. What comes back to a quorum queue is before all others.
type backlog struct {
	levels []line // the last one is of what came back, in a quorum queue
	fair   bool   // of two levels, every third message may be a low one
	turn   int    // counts up to 2 what is taken from a fair backlog, but for what came back
	count  int
	bytes  int64
}

// line is a list of items in the order of their seq.
type line struct{ first, last *item }

func newBacklog(levels int, fair bool) backlog {
	return backlog{levels: make([]line, levels), fair: fair}
}

// frontLevel is the level of what came back.
func (b *backlog) frontLevel() int { return len(b.levels) - 1 }

// put adds an item at its place: the end, or where it was when it comes back.
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

// insert puts it behind after, or first if that is nil.
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

// remove takes an item out.
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

// head is the item that comes next; nil if there is none.
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

// take removes the head.
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

// each visits all items, in order, while visit says so.
func (b *backlog) each(visit func(*item) bool) {
	for _, l := range slices.Backward(b.levels) {
		for it := l.first; it != nil; it = it.next {
			if !visit(it) {
				return
			}
		}
	}
}

// levels is how many priorities the queue tells apart.
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

// fair says whether lower priorities have their turn.
func (o options) fair(g generation) bool { return o.kind == quorum && g.priorities == twoLevels }

// level is the place of a message's priority among the levels.
func (o options) level(g generation, m *message) int {
	priority := m.priority
	if o.kind == quorum && g.priorities == strict && m.parsed.Present&wire.HasPriority == 0 {
		priority = 4 // that of AMQP 1.0 for messages that name none
	}
	if !o.fair(g) {
		return min(int(priority), o.levels(g)-1)
	}
	if priority > 4 {
		return 1
	}
	return 0
}
