package delay

import (
	"cmp"
	"container/heap"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
)

// ErrNotHeld is returned if the keeper holds no message with the given id. A message that is
// being published is no longer held.
var ErrNotHeld = errors.New("delay: no message with this id waits in the keeper")

// What a message that is held waits for.
const (
	WaitsForDue    = "due"    // its due time
	WaitsForTarget = "target" // its target, which refuses messages
	WaitsForLevel  = "level"  // its turn to be published to a level
)

// Waiting is a message that the keeper holds.
type Waiting struct {
	ID      string
	To      Address
	Due     time.Time
	Attempt int // the next one
	Bytes   int // of the body
	For     string
}

// Page is a part of the messages that the keeper holds, ordered by due time.
type Page struct {
	Held     int // all messages, without those in flight
	Flying   int // messages that are being published
	Messages []Waiting
}

// List returns up to limit messages, after the first offset ones. It is safe for concurrent
// use, and so are Message, Release and Drop; they return an error if ctx is done before Run
// takes the request.
func (k *Keeper) List(ctx context.Context, offset, limit int) (p Page, err error) {
	err = k.do(ctx, func(now time.Time) {
		all := k.items(func(*item) bool { return true })
		p.Held, p.Flying = len(all), k.flying.near+k.flying.far
		all = all[min(max(offset, 0), len(all)):]
		for _, it := range all[:min(max(limit, 0), len(all))] {
			p.Messages = append(p.Messages, k.describe(it, now))
		}
	})
	return p, err
}

// Message returns the first message with the id that is held, and a copy of its headers.
func (k *Keeper) Message(ctx context.Context, id string) (w Waiting, m message.Message, err error) {
	found := 0
	err = k.each(ctx, id, func(it *item, now time.Time) {
		if found++; found == 1 {
			w, m = k.describe(it, now), it.message
			m.Headers = maps.Clone(m.Headers)
		}
	})
	return w, m, err
}

// Release makes the messages with the id due now. It returns their number.
func (k *Keeper) Release(ctx context.Context, id string) (n int, err error) {
	err = k.each(ctx, id, func(it *item, now time.Time) {
		n++
		if it.due.After(now) {
			k.remove(it)
			it.due, it.at, it.far = now, now, false
			k.held.add(it)
		}
	})
	return n, err
}

// Drop acknowledges the messages with the id, without publishing them. It returns their
// number.
func (k *Keeper) Drop(ctx context.Context, id string) (n int, err error) {
	err = k.each(ctx, id, func(it *item, _ time.Time) {
		if it.lost() || it.delivery.Ack() != nil {
			return // the broker delivers it again
		}
		n++
		k.remove(it)
		k.forget(it)
	})
	k.cfg.OnIdle()
	if err == nil && n == 0 {
		err = fmt.Errorf("%w: %q was taken back by the broker", ErrNotHeld, id)
	}
	return n, err
}

// do runs f in the goroutine of Run.
func (k *Keeper) do(ctx context.Context, f func(now time.Time)) error {
	done := make(chan struct{})
	request := func() {
		defer close(done)
		f(time.Now())
	}
	select {
	case k.requests <- request:
		<-done
		return nil
	case <-ctx.Done():
		return fmt.Errorf("delay: the keeper of %s does not answer: %w", k.cfg.Queue, context.Cause(ctx))
	}
}

// each runs f in the goroutine of Run for each message with the id.
func (k *Keeper) each(ctx context.Context, id string, f func(*item, time.Time)) error {
	var found []*item
	err := k.do(ctx, func(now time.Time) {
		found = k.items(func(it *item) bool { return it.message.ID == id && id != "" })
		for _, it := range found {
			f(it, now)
		}
	})
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("%w: %q in %s", ErrNotHeld, id, k.cfg.Queue)
	}
	return err
}

// items returns the items that match, ordered by due time. Items in flight are not included.
func (k *Keeper) items(match func(*item) bool) (all []*item) {
	add := func(items []*item) {
		for _, it := range items {
			if match(it) {
				all = append(all, it)
			}
		}
	}
	add(k.held)
	add(k.far)
	for _, t := range k.targets {
		add(t.waiting)
	}
	slices.SortFunc(all, func(a, b *item) int { return cmp.Or(a.due.Compare(b.due), cmp.Compare(a.seq, b.seq)) })
	return all
}

func (k *Keeper) describe(it *item, now time.Time) Waiting {
	retries, _ := it.message.Headers.Int(record.HeaderRetryCount) // a delayed publish has none
	w := Waiting{
		ID: it.message.ID, To: it.to, Due: now.Round(0).Add(it.due.Sub(now)), Attempt: int(retries) + 1,
		Bytes: len(it.message.Body), For: WaitsForDue,
	}
	switch t := k.lookup(it.address()); {
	case it.far:
		w.For = WaitsForLevel
	case it.probe, slices.Contains(t.waiting, it):
		w.For = WaitsForTarget
	}
	return w
}

// remove takes the item out of wherever it waits.
func (k *Keeper) remove(it *item) {
	same := func(other *item) bool { return other == it }
	k.far = slices.DeleteFunc(k.far, same)
	for _, l := range []*line{&k.held, &k.lookup(it.address()).waiting} {
		*l = slices.DeleteFunc(*l, same)
		heap.Init(l)
	}
}
