package delay

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
)

// Delivery is a message that the parking queue has delivered.
type Delivery interface {
	Fill(m *message.Message)
	Ack() error
	Reject() error         // makes the broker dead-letter it
	Lost() <-chan struct{} // closed when the broker has taken it back
}

// Address is where a message is published.
type Address struct{ Exchange, Key string }

// Sink publishes messages, mandatory and confirmed.
type Sink interface {
	// Start sends m and returns a function that waits for the confirm.
	Start(ctx context.Context, to Address, m *message.Message) (wait func(context.Context) error)
	// Park publishes m to a level, which returns it to the parking queue.
	Park(ctx context.Context, level time.Duration, queue string, m *message.Message) error
	// Strand publishes m to the queue for messages without a destination.
	Strand(ctx context.Context, to Address, m *message.Message) error
}

const (
	// window is how many messages may be unconfirmed at a time. They may be published twice
	// if the process dies.
	window = 256
	// levelSlack is how much earlier than its due time a message leaves a level, so that
	// the keeper determines the precision.
	levelSlack = 8 * time.Second
	// farFrom is the delay from which a message waits in a level instead of in the keeper.
	farFrom = 64*time.Second + levelSlack
	// pressedFrom is farFrom while the keeper is full.
	pressedFrom = topology.ShortestLevel + levelSlack
	// MaxBytes and maxCount bound the memory and the messages that the keeper holds before
	// it counts as full.
	MaxBytes = 32 << 20
	maxCount = 12 << 10
	perItem  = 1 << 10 // of memory, beside body and headers
	// heldAtMost is how long the keeper holds a message that is refused. RabbitMQ closes
	// the channel of a consumer that does not acknowledge for 30 minutes, and keeps its log
	// meanwhile.
	heldAtMost = 5 * time.Minute
	// drainTime is how long Run waits, once it is stopped, for the confirms of messages in
	// flight.
	drainTime = 5 * time.Second
	// farPause is the time between two attempts to publish a message to a level.
	farPause = 5 * time.Second
)

// Config configures a Keeper.
type Config struct {
	Queue  string                         // the parking queue
	Target func(*message.Message) Address // where a message goes when it is due
	Sink   Sink
	// OnIdle is called when a message was acknowledged and no other is in flight.
	OnIdle func()
	// OnReleased is called when a message was published, with the time that has passed
	// since it was due.
	OnReleased func(late time.Duration)
	// OnFailed is called when a publish failed, once for each failure.
	OnFailed func(to Address, err error)
}

// Keeper holds the messages of a parking queue and publishes each when it is due. One
// goroutine calls Run; the other methods are safe for concurrent use.
type Keeper struct {
	cfg     Config
	in      chan Delivery
	lost    chan struct{} // holds one token when a consumer has ended
	results chan result

	requests chan func() // run by Run
	flights  sync.WaitGroup

	clock   clock
	held    line
	far     []*item // to be published to a level, in no order
	targets map[Address]*target
	flying  int
	seq     uint64

	count, bytes atomic.Int64
	limit        atomic.Int64
	filled       chan struct{} // holds one token when limit was reached
}

// result is the result of publishing an item.
type result struct {
	it  *item
	err error
}

// New returns a keeper that holds no messages.
func New(c Config) *Keeper {
	if c.OnIdle == nil {
		c.OnIdle = func() {}
	}
	if c.OnReleased == nil {
		c.OnReleased = func(time.Duration) {}
	}
	if c.OnFailed == nil {
		c.OnFailed = func(Address, error) {}
	}
	return &Keeper{
		cfg: c, in: make(chan Delivery), lost: make(chan struct{}, 1), filled: make(chan struct{}, 1),
		results: make(chan result, window), targets: make(map[Address]*target), requests: make(chan func()),
	}
}

// Take passes a delivery to the keeper. It returns false if ctx is done first.
func (k *Keeper) Take(ctx context.Context, d Delivery) bool {
	select {
	case k.in <- d:
		return true
	case <-ctx.Done():
		return false
	}
}

// Sweep makes the keeper drop the messages that the broker has taken back.
func (k *Keeper) Sweep() {
	select {
	case k.lost <- struct{}{}:
	default:
	}
}

// Held returns how many messages the keeper holds, and about how many bytes of memory
// they need.
func (k *Keeper) Held() (count, bytes int) { return int(k.count.Load()), int(k.bytes.Load()) }

// Filled returns a channel that receives a value when the keeper takes a message and then
// holds limit messages or more. One goroutine at a time may wait.
func (k *Keeper) Filled(limit int) <-chan struct{} {
	k.limit.Store(int64(limit))
	return k.filled
}

// Run holds and publishes messages until ctx is done. It then waits up to 5 s for the
// confirms of messages in flight, and leaves the other messages to the broker.
func (k *Keeper) Run(ctx context.Context) {
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	defer k.flights.Wait()
	defer end()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		timer.Reset(k.release(life))
		select {
		case <-ctx.Done():
			k.drain()
			return
		case d := <-k.in:
			k.take(d)
		case r := <-k.results:
			k.settle(r)
		case <-k.lost:
			k.sweep()
		case f := <-k.requests:
			f()
		case <-timer.C:
		}
	}
}

// drain acknowledges messages that are confirmed within drainTime.
func (k *Keeper) drain() {
	over := time.NewTimer(drainTime)
	defer over.Stop()
	for k.flying > 0 {
		select {
		case r := <-k.results:
			k.settle(r)
		case <-over.C:
			return
		}
	}
}

// take starts holding a message.
func (k *Keeper) take(d Delivery) {
	now := time.Now()
	k.seq++
	it := &item{delivery: d, seq: k.seq, taken: now}
	d.Fill(&it.message)
	it.due = now
	if at := record.Due(&it.message); !at.IsZero() {
		it.due = k.clock.at(at, now)
	}
	record.ClearDue(&it.message)
	it.to = k.cfg.Target(&it.message)
	it.size = perItem + sizeOf(&it.message)
	k.bytes.Add(int64(it.size))
	if count, limit := k.count.Add(1), k.limit.Load(); limit > 0 && count >= limit {
		select {
		case k.filled <- struct{}{}:
		default:
		}
	}
	k.place(it, now)
}

// place decides where an item waits: in the keeper, or in a level.
func (k *Keeper) place(it *item, now time.Time) {
	limit := farFrom
	if k.count.Load() > maxCount || k.bytes.Load() > MaxBytes {
		limit = pressedFrom
	}
	if it.due.Sub(now) >= limit {
		it.far = true
		k.far = append(k.far, it)
		return
	}
	it.far, it.at = false, it.due
	k.held.add(it)
}

// forget drops an item. If the item was to try its target, another item may try it.
func (k *Keeper) forget(it *item) {
	k.count.Add(-1)
	k.bytes.Add(-int64(it.size))
	if t := k.targets[it.to]; t != nil {
		t.probing = false
	}
}

// release publishes the items that are due, and returns how long to wait until the next
// one.
func (k *Keeper) release(ctx context.Context) time.Duration {
	for k.flying < window {
		now := time.Now()
		it := k.next(now)
		if it == nil {
			return k.pause(now)
		}
		if it.lost() {
			k.forget(it)
			continue
		}
		k.launch(ctx, it, now)
	}
	return time.Hour // until a confirm comes
}

// next returns the item to publish now. Items that are due come before items for the
// levels.
func (k *Keeper) next(now time.Time) *item {
	for it := k.held.next(now); it != nil; it = k.held.next(now) {
		if it.due.After(now) {
			k.place(it, now) // a level has refused it
			continue
		}
		t := k.targets[it.to]
		if t == nil {
			return it
		}
		t.waiting.add(it)
	}
	for _, t := range k.targets {
		if it := t.next(now); it != nil {
			it.gone = it.gone && t.gone(now)
			return it
		}
	}
	if n := len(k.far); n > 0 {
		it := k.far[0]
		k.far[0] = nil
		k.far = k.far[1:]
		return it
	}
	return nil
}

// pause returns the time until the next item is due or the next target is tried.
func (k *Keeper) pause(now time.Time) time.Duration {
	pause := time.Hour
	if len(k.held) > 0 {
		pause = k.held[0].at.Sub(now)
	}
	for _, t := range k.targets {
		if len(t.waiting) > 0 && !t.probing {
			pause = min(pause, t.retryAt.Sub(now))
		}
	}
	return max(pause, 0)
}

// launch starts to publish an item. Its result arrives later.
func (k *Keeper) launch(ctx context.Context, it *item, now time.Time) {
	k.flying++
	var wait func(context.Context) error
	switch {
	case it.far:
		wait = k.park(it, now)
	case it.gone:
		wait = func(ctx context.Context) error { return k.cfg.Sink.Strand(ctx, it.to, stranded(it)) }
	default:
		it.at = now
		wait = k.cfg.Sink.Start(ctx, it.to, &it.message)
	}
	k.flights.Go(func() { k.results <- result{it, wait(ctx)} })
}

// park publishes an item to the level that it leaves shortly before it is due.
func (k *Keeper) park(it *item, now time.Time) func(context.Context) error {
	m := it.message
	m.Headers = cloned(m.Headers)
	record.SetDue(&m, now.Round(0).Add(it.due.Sub(now)))
	level := topology.Level(it.due.Sub(now) - levelSlack)
	if !it.due.After(now) { // its target refuses it
		level = topology.Level(farFrom - levelSlack)
	}
	return func(ctx context.Context) error { return k.cfg.Sink.Park(ctx, level, k.cfg.Queue, &m) }
}

// settle acknowledges an item that was published. Other items wait for another attempt, or
// are rejected if they can never be published.
func (k *Keeper) settle(r result) {
	k.flying--
	it, now := r.it, time.Now()
	switch {
	case r.err == nil:
		k.succeeded(it)
	case it.lost():
		k.forget(it)
	case it.far:
		k.cfg.OnFailed(Address{Key: k.cfg.Queue}, r.err)
		it.far, it.at = false, now.Add(farPause)
		k.held.add(it)
	case errors.Is(r.err, amqp.ErrMalformed), errors.Is(r.err, amqp.ErrTooLarge):
		k.cfg.OnFailed(it.to, r.err)
		_ = it.delivery.Reject() // if it is stale, the next keeper does it
		k.forget(it)
	default:
		k.failed(it, r.err, now)
	}
}

func (k *Keeper) succeeded(it *item) {
	_ = it.delivery.Ack() // if it is stale, the message is published twice
	k.forget(it)
	if k.flying == 0 {
		k.cfg.OnIdle()
	}
	if it.far || it.gone {
		return
	}
	k.cfg.OnReleased(it.at.Sub(it.due))
	t := k.targets[it.to]
	if t == nil {
		return
	}
	delete(k.targets, it.to)
	for _, waiting := range t.waiting.take() {
		waiting.at, waiting.gone = waiting.due, false
		k.held.add(waiting)
	}
}

// failed makes an item wait for its target, or in a level if it has waited long in the
// keeper.
func (k *Keeper) failed(it *item, err error, now time.Time) {
	t := k.targets[it.to]
	if t == nil {
		k.targets = pruned(k.targets)
		t = &target{}
		k.targets[it.to] = t
	}
	k.cfg.OnFailed(it.to, err)
	t.failed(err, now)
	it.gone = t.gone(now)
	if now.Sub(it.taken) > heldAtMost && !it.gone {
		it.far = true
		k.far = append(k.far, it)
		return
	}
	it.at = it.due
	t.waiting.add(it)
}

// sweep drops the items that the broker has taken back. Items in flight are dropped when
// their results are known.
func (k *Keeper) sweep() {
	lost := k.held.sweep()
	for _, t := range k.targets {
		lost = append(lost, t.waiting.sweep()...)
	}
	all := line(k.far)
	lost = append(lost, all.sweep()...)
	k.far = all
	for _, it := range lost {
		k.forget(it)
	}
}
