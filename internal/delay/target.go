package delay

import (
	"errors"
	"time"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/retry"
)

// goneAfter is how long a target must have been missing before its messages are published
// to the queue for messages without a destination. A worker that has lost its queue
// declares it again within that time.
const goneAfter = 30 * time.Second

// target is an address with messages in flight or waiting. While it refuses messages, one
// message at a time tries it. The others wait, and delay no other target.
type target struct {
	waiting    line
	flying     int
	bytes      int // of them
	unanswered int // of them, not confirmed within patience
	ready      bool
	failures   int
	retryAt    time.Time
	probing    bool      // a message is to try it, or is trying it
	missing    time.Time // since when no queue takes its messages; zero if publishing failed for another reason
}

// lookup returns the target of an address, or a new one that it does not keep.
func (k *Keeper) lookup(to Address) *target {
	if t := k.targets[to]; t != nil {
		return t
	}
	return &target{}
}

// target returns the target of an address, and keeps it.
func (k *Keeper) target(to Address) *target {
	t := k.lookup(to)
	k.targets[to] = t
	return t
}

// prune removes a target that is as if it were new.
func (k *Keeper) prune(to Address, t *target) {
	if t.flying == 0 && len(t.waiting) == 0 && !t.refusing() {
		delete(k.targets, to)
	}
}

func (t *target) refusing() bool { return t.failures > 0 || t.unanswered > 0 }

// open reports whether another message may be published to the target.
func (t *target) open() bool {
	return !t.refusing() && t.flying < perTarget && t.bytes < perTargetBytes
}

// gone reports whether the target has been missing for at least goneAfter.
func (t *target) gone(now time.Time) bool {
	return !t.missing.IsZero() && now.Sub(t.missing) >= goneAfter
}

func (t *target) succeeded() { t.failures, t.retryAt, t.missing = 0, time.Time{}, time.Time{} }

// failed records a failure. Failures of messages that were in flight together count once.
func (t *target) failed(err error, now time.Time) {
	switch {
	case !errors.Is(err, amqp.ErrUnroutable):
		t.missing = time.Time{}
	case t.missing.IsZero():
		t.missing = now
	}
	if now.Before(t.retryAt) {
		return
	}
	t.failures++
	p := retry.Policy{InitialInterval: 100 * time.Millisecond, MaxInterval: 5 * time.Second}.WithDefaults()
	t.retryAt = now.Add(p.Delay(t.failures))
}

// wait makes an item wait for its target.
func (k *Keeper) wait(t *target, it *item) {
	t.waiting.add(it)
	k.offer(t)
}

// offer makes the next item of a target that waits eligible. If the target refuses, the
// item tries it after a pause.
func (k *Keeper) offer(t *target) {
	switch {
	case len(t.waiting) == 0 || t.unanswered > 0:
	case t.failures == 0:
		if !t.ready && t.open() {
			t.ready = true
			k.ready = append(k.ready, t)
		}
	case !t.probing:
		it := t.waiting.pop()
		t.probing, it.probe, it.at = true, true, t.retryAt
		k.held.add(it)
	}
}

// resign ends an item's attempt at a target that refuses.
func (k *Keeper) resign(it *item) {
	if !it.probe {
		return
	}
	it.probe = false
	t := k.target(it.address())
	t.probing = false
	k.offer(t)
}

// free lets all items that wait for a target try it now.
func (k *Keeper) free(t *target, now time.Time) {
	for _, it := range t.waiting.take() {
		it.at = now
		k.held.add(it)
	}
}

// asideAll moves messages that have waited long for a target that refuses to levels, and all
// of them if the keeper is full.
func (k *Keeper) asideAll(now time.Time) {
	if now.Before(k.asideAt) {
		return
	}
	k.asideAt = now.Add(asidePause)
	for to, t := range k.targets {
		if !t.refusing() {
			continue
		}
		if t.flying == 0 && len(t.waiting) == 0 && !t.probing && now.Sub(t.retryAt) > goneAfter {
			delete(k.targets, to) // its messages went elsewhere
			continue
		}
		kept := t.waiting[:0:0]
		for _, it := range t.waiting.take() {
			if k.pressed() || now.Sub(it.taken) > heldAtMost {
				k.aside(it)
			} else {
				kept = append(kept, it)
			}
		}
		t.waiting = kept // in order, and so a heap
		k.offer(t)
		k.prune(to, t)
	}
}
