package delay

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
)

// Delivery is a message that the parking queue has delivered.
type Delivery interface {
	Fill(m *message.Message)
	Ack() error
	Release() error        // requeues it
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

// drainTime is how long Run waits, once it is stopped, for the confirms of messages in
// flight.
const drainTime = 5 * time.Second

// Config configures a Keeper.
type Config struct {
	Queue  string                         // the parking queue
	Target func(*message.Message) Address // where a message goes when it is due
	Sink   Sink
	// OnIdle is called when a message was acknowledged and no other is in flight.
	OnIdle func()
	// OnPublished is called when a message was published and confirmed.
	OnPublished func(Published)
	// OnFailed is called when a publish failed or was not confirmed in time, once for each
	// failure. The message is kept.
	OnFailed func(to Address, m *message.Message, err error)
}

// Published is a message that was published.
type Published struct {
	To   Address // the target, a level, or the queue for messages without a destination
	Due  bool    // it was published to its target because it was due
	Late time.Duration
}

// Keeper holds the messages of a parking queue and publishes each when it is due. One
// goroutine calls Run; the other methods are safe for concurrent use.
type Keeper struct {
	cfg      Config
	in       chan Delivery
	lost     chan struct{} // holds one token when a consumer has ended
	launches chan *item    // to be published, in order; has room for all that are in flight
	results  chan result
	requests chan func() // run by Run
	flights  sync.WaitGroup

	clock   clock
	held    line
	far     []*item // to be published to a level, in no order
	targets map[Address]*target
	ready   []*target // targets that may have a message to publish now
	flying  flying
	asideAt time.Time // when to move messages of refusing targets to levels next
	seq     uint64

	count, bytes atomic.Int64
	nextDue      atomic.Pointer[time.Time]
	skew         skew
	prefetch     atomic.Int64
	resize       chan struct{} // holds one token when another prefetch suits better
}

// New returns a keeper that holds no messages.
func New(c Config) *Keeper {
	if c.OnIdle == nil {
		c.OnIdle = func() {}
	}
	if c.OnPublished == nil {
		c.OnPublished = func(Published) {}
	}
	if c.OnFailed == nil {
		c.OnFailed = func(Address, *message.Message, error) {}
	}
	return &Keeper{
		cfg: c, in: make(chan Delivery), lost: make(chan struct{}, 1), resize: make(chan struct{}, 1),
		launches: make(chan *item, window+farWindow), results: make(chan result, window),
		targets: make(map[Address]*target), requests: make(chan func()),
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

// NextDue returns when the next message is due, or the zero time if none waits.
func (k *Keeper) NextDue() time.Time {
	if at := k.nextDue.Load(); at != nil {
		return *at
	}
	return time.Time{}
}

// Run holds and publishes messages until ctx is done. It then waits up to 5 s for the
// confirms of messages in flight, and leaves the other messages to the broker.
func (k *Keeper) Run(ctx context.Context) {
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	k.flights.Go(func() { k.start(ctx, life) })
	defer k.flights.Wait()
	defer end()
	defer close(k.launches)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		timer.Reset(k.release())
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
	for k.flying.some() {
		select {
		case r := <-k.results:
			k.finish(r)
		case <-over.C:
			return
		}
	}
}

// finish is settle once Run is stopped: it acknowledges a message that is confirmed, and
// leaves others to the broker.
func (k *Keeper) finish(r result) {
	switch {
	case r.began:
	case r.err == nil:
		k.settle(r)
	default:
		k.landed(r.it)
	}
}

// take starts holding a message.
func (k *Keeper) take(d Delivery) {
	if k.Overfull() {
		_ = d.Release() // if it is stale, the broker has requeued it
		return
	}
	now := time.Now()
	k.seq++
	it := &item{delivery: d, seq: k.seq, taken: now}
	d.Fill(&it.message)
	it.due = now
	if at := record.Due(&it.message); !at.IsZero() {
		it.due = k.clock.at(at, now)
	}
	if at := record.DueSent(&it.message); !at.IsZero() {
		k.skew.add(now.Round(0).Sub(at), now)
	}
	it.refusals = record.DueRefusals(&it.message)
	record.ClearDue(&it.message)
	it.to = k.cfg.Target(&it.message)
	it.size = perItem + sizeOf(&it.message)
	k.bytes.Add(int64(it.size))
	k.count.Add(1)
	k.askResize()
	k.place(it, now)
}

// place decides where an item waits: in the keeper, or in a level.
func (k *Keeper) place(it *item, now time.Time) {
	limit := farFrom
	if k.pressed() {
		limit = pressedFrom
	}
	if it.due.Sub(now) >= limit {
		k.aside(it)
		return
	}
	it.at = it.due
	k.held.add(it)
}

// aside has an item published to a level.
func (k *Keeper) aside(it *item) {
	it.far = true
	k.far = append(k.far, it)
}

// forget drops an item.
func (k *Keeper) forget(it *item) {
	k.count.Add(-1)
	k.bytes.Add(-int64(it.size))
	k.resign(it)
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
