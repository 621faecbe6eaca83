package delay

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/retry"
	"github.com/warren-mq/warren/topology"
)

const (
	// window is how many messages may be unconfirmed at a time on their way to targets, and
	// perTarget to one target. They may be published twice if the process dies.
	window    = 256
	perTarget = window / 2
	// perTargetBytes bounds the memory of unconfirmed messages to one target, so that a target
	// that does not confirm leaves room in the publisher's window of 32 MiB.
	perTargetBytes = 8 << 20
	// farWindow is how many messages may be unconfirmed on their way to levels.
	farWindow = 64
	// patience is the time after which an unconfirmed message no longer takes a place of a
	// window, and its target gets no others until it is confirmed.
	patience = 10 * time.Second
	// levelMargin is the least time between the end of a level and the due time of a message.
	levelMargin = time.Second
	// farPause is the time between two attempts to publish a message to a level.
	farPause = 5 * time.Second
	// heldAtMost is how long the keeper holds a message that is refused. RabbitMQ closes
	// the channel of a consumer that does not acknowledge for 30 minutes, and keeps its log
	// meanwhile.
	heldAtMost = 5 * time.Minute
	// asidePause is the time between two looks for such messages.
	asidePause = 10 * time.Second
)

var errUnanswered = errors.New("the broker has not confirmed a message for 10 s")

// flying counts the messages that take a place of a window, and keeps them in the order in
// which they were sent.
type flying struct {
	near, far int
	began     []launch
}

// launch is the moment at which an item was sent.
type launch struct {
	it *item
	at time.Time
}

func (f *flying) some() bool { return f.near+f.far > 0 }

func (f *flying) add(it *item, n int) {
	if it.far {
		f.far += n
	} else {
		f.near += n
	}
}

// note records that an item was sent. It drops what was confirmed behind a message that was
// not.
func (f *flying) note(it *item, now time.Time) {
	if len(f.began) > 4*(window+farWindow) {
		f.began = slices.DeleteFunc(f.began, launch.over)
	}
	f.began = append(f.began, launch{it, now})
}

// over reports whether the item is confirmed, or was sent again since.
func (l launch) over() bool { return !l.at.Equal(l.it.began) }

// oldest returns the message that was sent first of those that are not confirmed.
func (f *flying) oldest() *launch {
	for len(f.began) > 0 && f.began[0].over() {
		f.began = f.began[1:]
	}
	if len(f.began) == 0 {
		return nil
	}
	return &f.began[0]
}

// result reports that an item was sent, or the result of publishing it.
type result struct {
	it    *item
	began bool
	err   error
}

// start publishes items in the order in which they are launched. ctx ends what waits for the
// connection, and life what waits for confirms.
func (k *Keeper) start(ctx, life context.Context) {
	report := func(r result) {
		select {
		case k.results <- r:
		case <-life.Done():
		}
	}
	for it := range k.launches {
		wait := k.publish(ctx, it)
		report(result{it: it, began: true})
		k.flights.Go(func() { report(result{it: it, err: wait(life)}) })
	}
}

// publish sends an item and returns a function that waits for the confirm.
func (k *Keeper) publish(ctx context.Context, it *item) func(context.Context) error {
	switch {
	case it.far:
		level, m := it.level, it.parked
		return func(ctx context.Context) error { return k.cfg.Sink.Park(ctx, level, k.cfg.Queue, m) }
	case it.gone:
		m := stranded(it)
		return func(ctx context.Context) error { return k.cfg.Sink.Strand(ctx, it.to, m) }
	}
	return k.cfg.Sink.Start(ctx, it.to, &it.message)
}

// release publishes the items that are due, and returns how long to wait until the next
// one.
func (k *Keeper) release() time.Duration {
	now := time.Now()
	k.overdue(now)
	k.asideAll(now)
	for k.flying.near < window {
		it := k.next(now)
		if it == nil {
			break
		}
		k.launch(it, now)
	}
	for k.flying.far < farWindow && len(k.far) > 0 {
		it := k.far[0]
		k.far[0] = nil
		k.far = k.far[1:]
		k.launchFar(it, now)
	}
	return k.pause(now)
}

// next returns the item to publish now. Targets with several items take turns.
func (k *Keeper) next(now time.Time) *item {
	for it := k.held.next(now); it != nil; it = k.held.next(now) {
		switch t := k.lookup(it.address()); {
		case it.lost():
			k.forget(it)
		case it.due.After(now):
			k.place(it, now) // a level has refused it
		case it.probe, t.gone(now), t.open() && len(t.waiting) == 0:
			return it
		case t.refusing() && k.pressed():
			k.aside(it)
		default:
			k.wait(t, it)
		}
	}
	for len(k.ready) > 0 {
		t := k.ready[0]
		k.ready = k.ready[1:]
		t.ready = false
		if !t.open() || len(t.waiting) == 0 {
			continue
		}
		it := t.waiting.pop()
		k.offer(t)
		if !it.lost() {
			return it
		}
		k.forget(it)
	}
	return nil
}

// pause returns the time until the next item is due or something else is to be done.
func (k *Keeper) pause(now time.Time) time.Duration {
	pause := time.Hour
	k.nextDue.Store(nil)
	if len(k.held) > 0 {
		next := k.held[0].at // a copy: launch changes it
		k.nextDue.Store(&next)
		if k.flying.near < window {
			pause = k.held[0].at.Sub(now)
		}
	}
	if l := k.flying.oldest(); l != nil {
		pause = min(pause, l.at.Add(patience).Sub(now))
	}
	if len(k.targets) > 0 {
		pause = min(pause, k.asideAt.Sub(now))
	}
	return max(pause, 0)
}

// launch starts to publish an item. Its result arrives later.
func (k *Keeper) launch(it *item, now time.Time) {
	it.at = now
	record.SetPublished(&it.message)
	k.fly(it, it.address())
}

// launchFar publishes an item to the level that it leaves shortly before it is due.
func (k *Keeper) launchFar(it *item, now time.Time) {
	if it.lost() {
		k.forget(it)
		return
	}
	left := it.due.Sub(now)
	switch {
	case left <= 0: // its target refuses it
		left = farFrom
	case left < topology.ShortestLevel+levelMargin: // the levels were slow
		it.far, it.at = false, it.due
		k.held.add(it)
		return
	}
	it.level = topology.Level(left - min(levelSlack, max(left/4, levelMargin)))
	via := Address{Exchange: topology.LevelName(it.level)}
	if k.lookup(via).unanswered > 0 {
		k.retryFar(it, now)
		return
	}
	m := it.message
	m.Headers = cloned(m.Headers)
	record.SetDue(&m, now.Round(0).Add(it.due.Sub(now)))
	record.SetDueRefusals(&m, it.refusals)
	it.parked = &m
	k.fly(it, via)
}

// retryFar holds an item that a level has refused.
func (k *Keeper) retryFar(it *item, now time.Time) {
	it.far, it.parked, it.at = false, nil, now.Add(farPause)
	k.held.add(it)
}

func (k *Keeper) fly(it *item, via Address) {
	it.via = via
	t := k.target(via)
	t.flying++
	t.bytes += it.size
	k.flying.add(it, 1)
	k.launches <- it // never blocks: it has room for the windows
}

// overdue takes the places of a window back from messages that are not confirmed within
// patience.
func (k *Keeper) overdue(now time.Time) {
	for l := k.flying.oldest(); l != nil && now.Sub(l.at) >= patience; l = k.flying.oldest() {
		it := l.it
		it.began, it.stuck = time.Time{}, true
		k.flying.add(it, -1)
		k.target(it.via).unanswered++
		k.cfg.OnFailed(it.via, &it.message, errUnanswered)
	}
}

// landed counts an item as no longer in flight.
func (k *Keeper) landed(it *item) *target {
	t := k.target(it.via)
	t.flying--
	t.bytes -= it.size
	if it.stuck {
		t.unanswered--
	} else {
		k.flying.add(it, -1)
	}
	it.began, it.stuck = time.Time{}, false
	if it.probe {
		it.probe, t.probing = false, false
	}
	return t
}

// settle acknowledges an item that was published. Other items wait for another attempt, or
// are rejected if they can never be published.
func (k *Keeper) settle(r result) {
	it, now := r.it, time.Now()
	if r.began {
		it.began = now
		k.flying.note(it, now)
		return
	}
	t := k.landed(it)
	switch {
	case r.err == nil:
		k.succeeded(it, t)
	case it.lost():
		k.forget(it)
	case it.far:
		k.cfg.OnFailed(it.via, &it.message, r.err)
		k.retryFar(it, now)
	case errors.Is(r.err, amqp.ErrMalformed), errors.Is(r.err, amqp.ErrTooLarge):
		k.impossible(it, r.err)
	default:
		k.cfg.OnFailed(it.via, &it.message, r.err)
		k.failed(it, t, r.err, now)
	}
	k.offer(t)
	k.prune(it.via, t)
}

func (k *Keeper) succeeded(it *item, t *target) {
	_ = it.delivery.Ack() // if it is stale, the message is published twice
	k.cfg.OnPublished(Published{To: it.via, Due: !it.far && !it.gone, Late: it.at.Sub(it.due)})
	t.succeeded()
	k.forget(it)
	if !k.flying.some() {
		k.cfg.OnIdle()
	}
}

// impossible handles a message that can never be published. It goes to the queue for
// messages without a destination, or to the dead-letter queue if that refuses it too.
func (k *Keeper) impossible(it *item, err error) {
	k.cfg.OnFailed(it.to, &it.message, err)
	if it.to.Exchange != "" && !it.gone {
		it.gone = true
		k.held.add(it)
		return
	}
	_ = it.delivery.Reject() // if it is stale, the next keeper does it
	k.forget(it)
}

// failed makes an item wait for its target. An exchange refuses a message if one of the
// queues refuses it to which it is routed. The other queues have it then, so that each
// attempt gives them another copy: the pauses therefore grow, and other messages do not
// wait.
func (k *Keeper) failed(it *item, t *target, err error, now time.Time) {
	if errors.Is(err, amqp.ErrNacked) && it.to.Exchange != "" && !it.gone {
		it.refusals++
		it.due = now.Add(refusalPolicy().Delay(it.refusals))
		k.place(it, now)
		return
	}
	t.failed(err, now)
	switch {
	case t.gone(now) && !it.gone:
		it.gone, it.at = true, now
		k.held.add(it)
		k.free(t, now)
	case now.Sub(it.taken) > heldAtMost:
		k.aside(it)
	default:
		it.at = it.due
		k.wait(t, it)
	}
}

// refusalPolicy returns the pauses between attempts to publish to an exchange of which a
// queue refuses the message.
func refusalPolicy() retry.Policy {
	return retry.Policy{InitialInterval: 10 * time.Second, Multiplier: 2, MaxInterval: time.Hour}.WithDefaults()
}
