package devbroker

import (
	"cmp"
	"slices"
	"time"
)

// delivery is a message that was delivered to a client, which must settle it on its channel.
type delivery struct {
	*item
	tag      uint64
	queue    *queue
	consumer *consumer // nil for basic.get
	since    time.Time
	settled  bool
	late     bool // the consumer timeout has expired: other consumers can receive the message
}

// unacked holds the deliveries of a channel, in the order of their tags.
type unacked struct {
	all     []*delivery // a settled delivery stays until all deliveries before it are settled
	settled int
}

func (u *unacked) count() int { return len(u.all) - u.settled }

func (u *unacked) add(d *delivery) { u.all = append(u.all, d) }

// take removes and returns the delivery with that tag. With multiple it takes all
// deliveries up to the tag, and a tag of 0 means all. If none matches it returns nil.
func (u *unacked) take(tag uint64, multiple bool) []*delivery {
	if multiple && tag == 0 {
		return u.takeAll()
	}
	i, found := slices.BinarySearchFunc(u.all, tag, func(d *delivery, tag uint64) int { return cmp.Compare(d.tag, tag) })
	switch {
	case !found || u.all[i].settled:
		return nil
	case multiple:
		return u.cut(i + 1)
	}
	d := u.all[i]
	d.settled = true
	u.settled++
	u.trim()
	return []*delivery{d}
}

func (u *unacked) takeAll() []*delivery { return u.cut(len(u.all)) }

// cut removes the first n deliveries and returns the unsettled ones.
func (u *unacked) cut(n int) []*delivery {
	taken := make([]*delivery, 0, n)
	for _, d := range u.all[:n] {
		if d.settled {
			u.settled--
			continue
		}
		d.settled = true
		taken = append(taken, d)
	}
	u.all = u.all[n:]
	u.trim()
	return taken
}

// takeIf removes and returns the deliveries for which condition returns true.
func (u *unacked) takeIf(condition func(*delivery) bool) (taken []*delivery) {
	for _, d := range u.all {
		if !d.settled && condition(d) {
			d.settled = true
			u.settled++
			taken = append(taken, d)
		}
	}
	u.trim()
	return taken
}

func (u *unacked) trim() {
	for len(u.all) > 0 && u.all[0].settled {
		u.all = u.all[1:]
		u.settled--
	}
	if len(u.all) == 0 {
		u.all = nil
	}
}

// putBack makes settled deliveries unacked again.
func (u *unacked) putBack(deliveries []*delivery) {
	all := u.takeAll()
	for _, d := range append(all, deliveries...) {
		d.settled = false
		u.all = append(u.all, d)
	}
	slices.SortFunc(u.all, func(a, b *delivery) int { return cmp.Compare(a.tag, b.tag) })
}
