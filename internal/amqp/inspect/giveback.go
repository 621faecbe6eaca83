package inspect

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/message"
)

// A quorum queue delivers requeued messages before all others, and puts a requeued message
// behind the messages that were requeued earlier (3.10 to 4.3, by nack, reject, recover or
// a closed channel). The inspected messages therefore form a ring at the head of the queue.
// Inspecting a part of the ring turns it: that part goes behind the rest of the ring.
// Taking the whole ring keeps its order, but costs as much as the ring is large. Inspecting
// a part of a large ring therefore leaves it turned.
//
// The queue counts how often it delivered each message. Along the ring the count rises only
// where the ring begins. An inspection of the whole ring can therefore turn it back.
const (
	orderAtMost  = 2048 // messages taken only to keep the order
	unknownTurns = -1
)

// backPause is how many messages are requeued before GiveBack waits until they are ready.
const backPause = 16 * amqp.RequeueAtOnce

// settleTime bounds how long the broker may take until requeued messages are ready.
const settleTime = 5 * time.Second

// turnsOf returns how often the message was requeued, by the queue's count. It is 0 for a
// message outside the ring, such as a message of a classic queue, which requeues messages
// at their places.
func turnsOf(raw *amqp091.Delivery) int64 {
	if !raw.Redelivered {
		return 0
	}
	headers := message.Headers(raw.Headers)
	if n, ok := headers.Int("x-acquired-count"); ok {
		return n // 4.3
	}
	n, _ := headers.Int("x-delivery-count")
	if n > 0 && headers["x-death"] != nil {
		return unknownTurns // 4.0 counts 1 for a message that it dead-lettered and that was never taken
	}
	return n
}

// GiveBack requeues all held messages, in front of the messages that were never taken, and
// waits until they are ready. Messages keep their order, with one exception: if more than
// 2,048 messages have been taken before and only a part of them is held, that part goes
// behind the others. The next GiveBack after all of these were taken restores the order.
// See KeepOrder and Cut. More messages may be taken afterwards.
func (i *Inspection) GiveBack() error {
	cut := i.cut
	whole, err := i.takeRest()
	if err != nil {
		return err
	}
	tags, turns, acked := i.release()
	ring, first := len(tags), 0
	if whole && !cut { // after a cut, the messages stay in the order in which they were taken
		ring, first = turned(turns)
	}
	err = i.giveBack(tags[:ring], acked)
	if err == nil && first > 0 {
		err = i.turn(first)
	}
	if err == nil {
		err = i.giveBack(tags[ring:], acked && ring == 0)
	}
	if err != nil {
		return fmt.Errorf("broker: give back messages of %s: %w", i.queue, err)
	}
	return nil
}

// release removes all held messages from the inspection, and returns their tags in order,
// with their turns.
func (i *Inspection) release() (tags []uint64, turns []int64, acked bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	tags, acked = slices.Sorted(maps.Keys(i.turns)), i.acked
	for _, tag := range tags {
		turns = append(turns, i.turns[tag])
	}
	clear(i.turns)
	i.backlog, i.passed, i.acked, i.cut, i.blind = nil, 0, false, false, false
	return tags, turns, acked
}

// KeepOrder restores the order of the queue, and makes GiveBack keep it without exception.
// It takes all messages that have been taken before.
func (i *Inspection) KeepOrder(ctx context.Context) error {
	i.ordering = math.MaxInt
	if err := i.Take(ctx, 1, func(*Held) (bool, error) { return true, nil }); err != nil {
		return err
	}
	return i.GiveBack()
}

// takeRest takes the rest of the ring if a part of it was taken. It takes at most
// i.ordering messages, or as many as are held if that is more, and all after a cut. Once
// the context of Open is done, it takes at most orderAtMost. It reports whether the whole
// ring is held.
func (i *Inspection) takeRest() (whole bool, err error) {
	i.mu.Lock()
	held := len(i.turns)
	i.mu.Unlock()
	if held == 0 || !i.inRing || i.atEnd {
		return true, nil
	}
	ctx, n := i.ctx, max(i.ordering, held)
	switch {
	case ctx.Err() != nil:
		ctx, n = context.WithoutCancel(ctx), orderAtMost
	case i.cut:
		n = math.MaxInt
	}
	i.cut, i.blind = false, true
	err = i.Take(ctx, n, func(*Held) (bool, error) { return i.inRing, nil })
	if ctx.Err() != nil {
		err = nil // what is held can be requeued
	}
	return !i.inRing || i.atEnd, err
}

// awaitAcked waits until the broker has handled the acks: it drops those that it has not, if
// there are more than amqp.RequeueAtOnce, when the channel is closed. Until then, a quorum queue
// counts the consumers of the messages, although they are cancelled.
func (i *Inspection) awaitAcked() error {
	for deadline := time.Now().Add(settleTime); ; {
		now, err := i.State()
		if err != nil || now.Consumers == 0 || time.Now().After(deadline) {
			return err
		}
		<-time.After(time.Millisecond)
	}
}

// turned returns how many of the messages are in the ring, and how many of these are before
// its beginning. Turns fall along a ring, except for one rise where it begins.
func turned(turns []int64) (ring, first int) {
	if ring = slices.Index(turns, 0); ring < 0 {
		ring = len(turns)
	}
	known := make([]int, 0, ring)
	for at, n := range turns[:ring] {
		if n != unknownTurns {
			known = append(known, at)
		}
	}
	for at := 1; at < len(known); at++ {
		if turns[known[at]] <= turns[known[at-1]] {
			continue
		}
		if first > 0 {
			return ring, 0 // the ring has changed in another way
		}
		first = known[at]
	}
	if first > 0 && turns[known[len(known)-1]] < turns[known[0]] {
		return ring, 0
	}
	return ring, first
}

// turn puts the first n messages of the ring behind the others. It uses a channel of its
// own, because requeuing messages other than the first that a channel holds makes the
// broker search through all of them.
func (i *Inspection) turn(n int) error {
	ctx, cancel := context.WithTimeout(context.Background(), answerTime)
	defer cancel()
	other := newInspection(i.ctx, i.session, i.queue)
	if err := other.openChannel(ctx); err != nil {
		return err
	}
	if err := other.pass(context.Background(), n); err != nil {
		return err
	}
	tags, _, _ := other.release()
	if err := other.giveBack(tags, false); err != nil {
		return err
	}
	return i.session.CloseChannel(other.ch)
}

// share returns how many of the messages, up to size, may be requeued before the next wait.
// A requeue of messages of several consumers is a command for each of them.
func (i *Inspection) share(tags []uint64, size int) int {
	size = min(size, len(tags))
	commands, last := 0, -1
	for n, tag := range tags[:size] {
		window, _ := slices.BinarySearch(i.begins, tag+1)
		if window != last || n%amqp.RequeueAtOnce == 0 {
			commands++
		}
		if last = window; commands > amqp.RequeueAtOnce {
			return n
		}
	}
	return size
}

// giveBack requeues the messages of these tags, which are the first that the channel holds.
// If acks came before, it waits for the first message separately: once that message is
// ready, the broker has handled the acks.
func (i *Inspection) giveBack(tags []uint64, acked bool) error {
	if len(tags) == 0 {
		if acked {
			return i.awaitAcked()
		}
		return nil
	}
	size := backPause
	if acked {
		size = 1
	}
	now, err := i.State()
	for len(tags) > 0 && err == nil {
		part := tags[:i.share(tags, size)]
		for some := range slices.Chunk(part, amqp.RequeueAtOnce) {
			if err := i.ch.Nack(some[len(some)-1], true, true); err != nil {
				return err
			}
		}
		now, err = amqp.AwaitReady(i.State, now.Messages+len(part), time.Now().Add(settleTime))
		tags, size = tags[len(part):], backPause
	}
	return err
}
