package worker

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/delay"
	"github.com/warren-mq/warren/internal/pace"
	"github.com/warren-mq/warren/internal/record"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/topology"
)

// parking consumes a parking queue for as long as the worker runs. The broker sends the
// queue's messages to one of its consumers, in whatever process.
type parking struct {
	worker   *Worker
	queue    string
	topology topology.Topology
	keeper   *delay.Keeper
	turn     openers        // held while it consumes, if workers with the same Connections consume it in turn
	consumed sync.WaitGroup // consumers that are not closed
	current  atomic.Pointer[amqp.Consumer]
	state    parkingState
	active   atomic.Bool // it has its turn
}

// bindInterval is the least time between two declarations of the binding through which
// messages return from the levels, unless the heartbeats are rarer. The broker does not report
// that someone has deleted it.
const bindInterval = 2 * time.Minute

// parkingQueues are the names of the parking queues of a queue and of its exchanges. Once they
// were consumed, only the parking declares them: RabbitMQ 3.10 does not cancel the
// consumers of a deleted queue if the queue is declared again at that moment.
func parkingQueues(q topology.WorkQueue) []string {
	exchanges := q.Exchanges()
	names := append(make([]string, 0, 1+len(exchanges)), topology.ParkingQueue(q.Name))
	for _, exchange := range exchanges {
		names = append(names, topology.ExchangeParking(exchange))
	}
	return names
}

// park adds the parkings of a queue and of its exchanges, unless a parking of the exchange
// exists already. It returns the parking of the queue, or nil if it has none.
func (w *Worker) park(q topology.WorkQueue) (own *parking) {
	if q.HasParking() {
		own = w.addParking(nil, topology.QueueParking(q.Name), func(*message.Message) delay.Address {
			return delay.Address{Key: q.Name}
		})
	}
	for _, exchange := range q.Exchanges() {
		name := topology.ExchangeParking(exchange)
		shared := slices.ContainsFunc(w.parkings, func(p *parking) bool { return p.queue == name })
		if shared || len(name) > topology.MaxShortString {
			continue
		}
		w.addParking(w.connections.turn(exchange), topology.DelayedExchange(exchange), func(m *message.Message) delay.Address {
			return delay.Address{Exchange: exchange, Key: m.Headers.String(record.HeaderRoutingKey)}
		})
	}
	return own
}

func (w *Worker) addParking(turn openers, t topology.Topology, target func(*message.Message) delay.Address) *parking {
	p := &parking{worker: w, queue: t.Queues[0].Name, topology: t, turn: turn}
	p.keeper = delay.New(delay.Config{
		Queue: p.queue, Target: target, Sink: parkingSink{w.connections.sender, w},
		OnIdle: p.flush, OnPublished: p.published, OnFailed: p.failed,
	})
	w.parkings = append(w.parkings, p)
	w.starting.Add(1)
	return p
}

// keep consumes the parking queue until ctx is done. It opens another consumer when one ends.
// Calls to the broker that have begun by then end with hard: to abandon one could end the
// session, on which running handlers settle.
func (p *parking) keep(ctx, hard context.Context) {
	if p.turn != nil && !p.takeTurn(ctx) {
		return
	}
	p.active.Store(true)
	defer p.active.Store(false)
	var keeping sync.WaitGroup
	life, end := context.WithCancel(context.Background())
	keeping.Go(func() { p.keeper.Run(ctx); end() })
	prefetch := delay.FirstPrefetch
	for failures := 0; ctx.Err() == nil; {
		p.awaitRoom(ctx, nil)
		c, err := p.open(ctx, hard, prefetch)
		p.note(err)
		if err != nil {
			failures++
			pace.Wait(ctx, opening(), failures)
			continue
		}
		failures = 0
		p.consumed.Add(1)
		p.current.Store(c)
		prefetch = cmp.Or(p.consume(ctx, hard, c, prefetch), delay.FirstPrefetch)
		go func() {
			defer p.consumed.Done()
			p.leave(life, c)
		}()
	}
	keeping.Wait()
	p.consumed.Wait()
	if p.turn != nil {
		<-p.turn
	}
}

// takeTurn waits until no other worker with the same Connections consumes the queue: a second
// consumer would take a channel and receive no messages.
func (p *parking) takeTurn(ctx context.Context) bool {
	select {
	case p.turn <- struct{}{}:
		return true
	default:
	}
	p.note(nil) // the other worker reports on the queue
	_, err := p.turn.acquire(ctx)
	return err == nil
}

// flush sends the acks so far to the broker.
func (p *parking) flush() {
	if c := p.current.Load(); c != nil {
		c.Flush()
	}
}

// leave closes a consumer when all that it was sent is settled, and at once if it was lost or
// the keeper has ended. What is passed to the keeper after that would be published twice, so
// it waits until everything was passed on.
func (p *parking) leave(life context.Context, c *amqp.Consumer) {
	select {
	case <-c.Drained():
		c.Settled(life)
	case <-c.Done():
	case <-life.Done():
	}
	_ = c.CloseNow() // the broker has, or takes back, what is not settled
	p.keeper.Sweep()
}

// consume passes what c receives to the keeper, until c is lost or ctx is done. If another
// prefetch suits better, it ends c and returns that prefetch.
func (p *parking) consume(ctx, hard context.Context, c *amqp.Consumer, prefetch int) (next int) {
	resize := p.keeper.Resize(prefetch) // before the first message is taken
	received, cancelled := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(received)
		p.receive(ctx, c, cancelled)
	}()
	interval := max(bindInterval, assertHeartbeats*p.worker.connections.consuming.Heartbeat())
	bind := time.NewTicker(interval + rand.N(interval/2))
	defer bind.Stop()
	for {
		select {
		case <-c.Done():
			p.rest(ctx) // until all consumers of a deleted queue know that it is gone
			return 0
		case <-ctx.Done():
			<-received
			return 0
		case <-bind.C:
			p.bind(hard)
		case <-resize:
			if next = p.keeper.Better(prefetch); next != prefetch {
				close(cancelled)
				_ = c.Cancel(hard) // if it fails, the consumer has ended with its session
				return next
			}
		}
	}
}

// receive passes what c receives to the keeper. What is too much for the keeper it takes only
// from a cancelled consumer: the broker would deliver it again to another one at once.
func (p *parking) receive(ctx context.Context, c *amqp.Consumer, cancelled <-chan struct{}) {
	for {
		p.awaitRoom(ctx, cancelled)
		d, ok := c.Receive(ctx.Done())
		if !ok || !p.keeper.Take(ctx, &d) {
			return
		}
	}
}

// awaitRoom waits until the keeper has room, the consumer is cancelled, or ctx is done.
func (p *parking) awaitRoom(ctx context.Context, cancelled <-chan struct{}) {
	for p.keeper.Overfull() {
		select {
		case <-time.After(100 * time.Millisecond):
		case <-cancelled:
			return
		case <-ctx.Done():
			return
		}
	}
}

// open declares the parking queue, if the worker declares queues, and consumes it.
func (p *parking) open(ctx, hard context.Context, prefetch int) (*amqp.Consumer, error) {
	session, err := p.worker.connections.consuming.Session(ctx)
	if err != nil {
		return nil, err
	}
	release, err := p.worker.opening.acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	bounded, cancel := context.WithTimeout(hard, declareTimeout)
	defer cancel()
	if p.worker.mode().Manages() {
		if err := session.Declare(bounded, topology.Shared().Merge(p.topology)); err != nil {
			return nil, err
		}
	}
	return session.Consume(bounded, amqp.Consume{Queue: p.queue, Prefetch: prefetch})
}

// bind declares the way from the levels to the queue again. If the queue was deleted, the
// consumer is about to end.
func (p *parking) bind(hard context.Context) {
	session, _ := p.worker.connections.consuming.Current()
	if session == nil || !p.worker.mode().Manages() {
		return
	}
	bounded, cancel := context.WithTimeout(hard, declareTimeout)
	defer cancel()
	t := topology.Shared()
	t.Bindings = p.topology.Bindings
	if err := session.Declare(bounded, t); session.Err() == nil {
		p.note(err)
	}
}

// rest waits for a second, unless the session is lost.
func (p *parking) rest(ctx context.Context) {
	p.keeper.Sweep()
	if s, _ := p.worker.connections.consuming.Current(); s == nil || s.Err() != nil {
		return
	}
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
	}
}

// parkingSink publishes for a keeper.
type parkingSink struct {
	sender *amqp.Sender
	worker *Worker
}

// errReplaced makes the keeper try again. What is published to a classic queue at the moment of
// its deletion would be confirmed and lost.
var errReplaced = fmt.Errorf("%w: another process replaces the queue", amqp.ErrNacked)

func (s parkingSink) Start(ctx context.Context, to delay.Address, m *message.Message) func(context.Context) error {
	if to.Exchange == "" && slices.ContainsFunc(s.worker.queues, func(q *Subscription) bool { return q.config.Name == to.Key && q.isAbsent() }) {
		return func(context.Context) error { return errReplaced }
	}
	return s.sender.StartUntil(ctx, to.Exchange, to.Key, m)
}

func (s parkingSink) Park(ctx context.Context, level time.Duration, queue string, m *message.Message) error {
	return s.sender.SendToLevel(ctx, level, queue, m)
}

func (s parkingSink) Strand(ctx context.Context, to delay.Address, m *message.Message) error {
	return s.sender.SendUnrouted(ctx, to.Key, m)
}
