package delay

import (
	"cmp"
	"container/heap"
	"slices"
	"time"

	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
)

// item is one message that the keeper holds.
type item struct {
	delivery Delivery
	message  message.Message
	to       Address
	size     int
	seq      uint64    // in the order of receipt
	taken    time.Time // when it was received
	due      time.Time
	at       time.Time // when to check the item next: due, or later after a failure
	refusals int       // how often the exchange that it goes to has refused it

	gone  bool // its target no longer exists
	probe bool // it tries a target that refuses
	far   bool // it goes to a level next

	// While it is in flight:
	via    Address
	level  time.Duration    // if it is far
	parked *message.Message // likewise
	began  time.Time        // when it was sent
	stuck  bool             // it was not confirmed within patience
}

// address returns where the item goes when it is due.
func (it *item) address() Address {
	if it.gone {
		return Address{Exchange: topology.UnroutedQueue}
	}
	return it.to
}

// line holds items ordered by the time of their next check. Items with equal times keep
// their order.
type line []*item

func (l line) Len() int      { return len(l) }
func (l line) Swap(i, j int) { l[i], l[j] = l[j], l[i] }
func (l line) Less(i, j int) bool {
	return cmp.Or(l[i].at.Compare(l[j].at), cmp.Compare(l[i].seq, l[j].seq)) < 0
}

// Push is called only by container/heap.
func (l *line) Push(x any) {
	if it, ok := x.(*item); ok {
		*l = append(*l, it)
	}
}

// Pop is called only by container/heap.
func (l *line) Pop() any {
	last := len(*l) - 1
	it := (*l)[last]
	(*l)[last] = nil
	*l = (*l)[:last]
	return it
}

func (l *line) add(it *item) { heap.Push(l, it) }

// pop removes and returns the first item.
func (l *line) pop() *item {
	it, _ := heap.Pop(l).(*item)
	return it
}

// next removes and returns the first item whose time has come, or nil.
func (l *line) next(now time.Time) *item {
	if len(*l) == 0 || (*l)[0].at.After(now) {
		return nil
	}
	return l.pop()
}

// take removes and returns all items, in order.
func (l *line) take() []*item {
	all := *l
	*l = nil
	slices.SortFunc(all, func(a, b *item) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.seq, b.seq)) })
	return all
}

// sweep removes the items that the broker has taken back, and returns them.
func (l *line) sweep() (lost []*item) {
	kept := (*l)[:0]
	for _, it := range *l {
		if it.lost() {
			lost = append(lost, it)
		} else {
			kept = append(kept, it)
		}
	}
	clear((*l)[len(kept):])
	*l = kept
	heap.Init(l)
	return lost
}

// lost reports whether the broker has taken the message back.
func (it *item) lost() bool {
	select {
	case <-it.delivery.Lost():
		return true
	default:
		return false
	}
}
