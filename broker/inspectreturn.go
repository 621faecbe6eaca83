package broker

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/message"
)

// A quorum queue serves what came back before everything else, and puts what comes back
// behind what came back earlier (3.10 to 4.3, however it comes back: nack, reject,
// recover, a closed channel). So the messages that were looked at are a ring in front
// of the others: a look at a part of the ring turns it, and only taking all of the ring
// brings it back into its order. That costs as much as the ring is large, so a look at
// a small part of a large ring leaves it turned.
//
// The order is not lost: the broker counts how often each message came back, and along
// the ring that count rises only where the ring begins. Whoever has seen all of it turns
// it on to there.
const (
	turnAtMost   = 2048 // messages taken for the order's sake alone
	unknownTurns = -1
)

// RabbitMQ 3.10 forgets the order of more than 32 messages that come back at once, and
// the broker's queue client the order of more than 32 commands under way (all versions).
// On 4.3.6 acks behind so many were lost with their channel, too.
const (
	backAtOnce  = 32 // on any version
	backAtOnce4 = 1024
	commands    = 16
)

// settleTime bounds how long the broker may take until what came back is ready.
const settleTime = 5 * time.Second

// turnsOf returns how often the message was given back, by the broker's count, and
// whether it is part of the ring.
func turnsOf(raw *amqp.Delivery) (turns int64, inRing bool) {
	if !raw.Redelivered {
		return 0, false
	}
	for _, name := range []string{"x-acquired-count", "x-delivery-count"} {
		if n, ok := message.Headers(raw.Headers).Int(name); ok {
			if raw.Headers["x-death"] != nil {
				return unknownTurns, true // from 4.0 on it can have brought a count along
			}
			return n, true
		}
	}
	return 0, false // a classic queue, which puts everything back at its place
}

// Held returns how many messages the inspection holds.
func (i *Inspection) Held() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return len(i.open)
}

func (i *Inspection) unkeep() {
	i.mu.Lock()
	defer i.mu.Unlock()
	for tag, one := range i.open {
		i.open[tag] = holding{turns: one.turns}
	}
}

// GiveBack returns what is held and not kept to the queue, before what was never taken,
// and waits until it is there. Messages keep their order; but a part of more than 2,048
// messages that have all been given back before goes behind the others of them, and
// the next look at all of them restores the order. More may be taken afterwards.
func (i *Inspection) GiveBack() error {
	whole, err := i.takeRest()
	if err != nil {
		return err
	}
	all, back, turns := i.release()
	i.backlog = nil
	ring, first := len(back), 0
	if whole {
		ring, first = turned(turns)
	}
	err = i.giveBack(plan(all, back[:ring], i.backAtOnce()))
	if err == nil && first > 0 {
		err = i.turn(first)
	}
	if err == nil && ring < len(back) {
		all = slices.DeleteFunc(all, func(tag uint64) bool { _, gone := slices.BinarySearch(back[:ring], tag); return gone })
		err = i.giveBack(plan(all, back[ring:], i.backAtOnce()))
	}
	if err != nil {
		return fmt.Errorf("broker: give back messages of %s: %w", i.queue, err)
	}
	return nil
}

// turn puts the first n messages of a ring behind the others, over a channel of its own:
// giving back other messages than the first of a channel costs the broker a search
// through all of them.
func (i *Inspection) turn(n int) error {
	ctx, cancel := context.WithTimeout(context.Background(), answerTime)
	defer cancel()
	ch, err := i.session.channel(ctx)
	if err != nil {
		return err
	}
	other := &Inspection{queue: i.queue, session: i.session, ch: ch, window: firstWindow, open: make(map[uint64]holding)}
	other.closed = ch.NotifyClose(make(chan *amqp.Error, 1))
	if err := other.Take(context.Background(), n, func(*Held) (bool, error) { return true, nil }); err != nil {
		return err
	}
	all, back, _ := other.release()
	if err := other.giveBack(plan(all, back, i.backAtOnce())); err != nil {
		return err
	}
	return i.session.closeChannel(ch)
}

// takeRest takes the rest of the ring if a part of it was taken. Whole is whether that
// is then held.
func (i *Inspection) takeRest() (whole bool, err error) {
	held := i.Held()
	if held == 0 || !i.inRing || i.toTheEnd {
		return true, nil
	}
	if there, err := i.State(); err != nil || there.Messages == 0 {
		return true, err
	}
	err = i.Take(context.Background(), max(turnAtMost, held), func(*Held) (bool, error) { return i.inRing, nil })
	return !i.inRing || i.toTheEnd, err
}

// release forgets what is not kept. It returns all tags in their order, those to give
// back, and the turns of these.
func (i *Inspection) release() (all, back []uint64, turns []int64) {
	i.mu.Lock()
	defer i.mu.Unlock()
	all = slices.Sorted(maps.Keys(i.open))
	for _, tag := range all {
		if one := i.open[tag]; !one.kept {
			back, turns = append(back, tag), append(turns, one.turns)
			delete(i.open, tag)
		}
	}
	return all, back, turns
}

// turned returns how many messages the ring has, and how many of them stand before its
// beginning. Along a ring the turns fall, but for one rise where it begins.
func turned(turns []int64) (ring, first int) {
	rise, head, last := 0, int64(unknownTurns), int64(unknownTurns)
	ring = len(turns)
	for at, n := range turns {
		if n == 0 {
			ring = at
			break
		}
		if n == unknownTurns {
			continue
		}
		if last != unknownTurns && n > last {
			if rise > 0 {
				return len(turns), 0 // something else has happened to it
			}
			rise = at
		}
		if head == unknownTurns {
			head = n
		}
		last = n
	}
	if rise == 0 || last < head {
		return len(turns), 0
	}
	return ring, rise
}

// backAtOnce is how many messages may come back by one command.
func (i *Inspection) backAtOnce() int {
	if major, _, _ := strings.Cut(i.session.BrokerVersion(), "."); len(major) == 1 && major < "4" {
		return backAtOnce
	}
	return backAtOnce4
}

// order is one command to give messages back.
type order struct {
	tag      uint64
	multiple bool // all that are held up to tag
	n        int
}

// plan returns the commands that give back messages in the order of back, and none of
// the others in all, which is sorted.
func plan(all, back []uint64, atOnce int) (orders []order) {
	place := make(map[uint64]int, len(all))
	for at, tag := range all {
		place[tag] = at
	}
	gone, low := make([]bool, len(all)), 0
	for len(back) > 0 {
		o := order{tag: back[0], n: 1}
		at := place[back[0]]
		gone[at] = true
		for o.multiple = at == low; o.multiple && o.n < min(atOnce, len(back)) && at+o.n < len(all) && back[o.n] == all[at+o.n]; o.n++ {
			gone[at+o.n] = true
			o.tag = back[o.n]
		}
		for low < len(all) && gone[low] {
			low++
		}
		back, orders = back[o.n:], append(orders, o)
	}
	return orders
}

// giveBack carries the orders out, a few at a time. Behind acks the first is waited for
// by itself: once it is there, the acks are no longer under way.
func (i *Inspection) giveBack(orders []order) error {
	if len(orders) == 0 {
		return nil
	}
	now, err := i.State()
	size := commands
	if i.settledSome() {
		size = 1
	}
	for len(orders) > 0 && err == nil {
		part := orders[:min(size, len(orders))]
		want := now.Messages
		for _, o := range part {
			if err := i.ch.Nack(o.tag, o.multiple, true); err != nil {
				return err
			}
			want += o.n
		}
		now, err = returned(i.State, want, time.Now().Add(settleTime))
		orders, size = orders[len(part):], commands
	}
	return err
}

// settledSome reports whether messages were acknowledged since it was last asked.
func (i *Inspection) settledSome() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	acked := i.acked
	i.acked = false
	return acked
}

// returned waits until the queue has want messages, or the deadline is over: if someone
// else consumes the count says nothing, and time has to be enough.
func returned(state func() (QueueState, error), want int, deadline time.Time) (QueueState, error) {
	for {
		now, err := state()
		if err != nil || now.Messages >= want || time.Now().After(deadline) {
			return now, err
		}
		<-time.After(time.Millisecond)
	}
}
