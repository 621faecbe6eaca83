package worker

import (
	"context"
	"fmt"
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
	consumed sync.WaitGroup // consumers that are not closed
	current  atomic.Pointer[amqp.Consumer]

	mu    sync.Mutex
	began bool  // it was consumed once
	err   error // why the queue is not consumed
}

// The prefetch of a parking queue begins small, since nothing is known of the size of its
// messages, and grows while the messages are small and more than that are waiting.
const (
	firstPrefetch = 256
	lastPrefetch  = 16 << 10
	growth        = 8
)

// parkingQueues are the names of the parking queues of a queue and of its exchange. A parking
// declares them, and no one else: RabbitMQ 3.10 does not tell the consumers of a deleted queue
// that it is gone if the queue is declared again at that moment.
func parkingQueues(q Queue) []string {
	return []string{topology.ParkingQueue(q.Name), topology.ExchangeParking(q.Exchange)}
}

// newParkings returns those of the worker's queues and of their exchanges.
func (w *Worker) newParkings() (all []*parking) {
	exchanges := make(map[string]bool)
	for _, q := range w.queues {
		name, exchange := q.config.Name, q.config.Exchange
		all = append(all, w.newParking(topology.QueueParking(name), func(*message.Message) delay.Address {
			return delay.Address{Key: name}
		}))
		if exchange == "" || exchanges[exchange] || len(topology.ExchangeParking(exchange)) > topology.MaxShortString {
			continue
		}
		exchanges[exchange] = true
		all = append(all, w.newParking(topology.DelayedExchange(exchange), func(m *message.Message) delay.Address {
			return delay.Address{Exchange: exchange, Key: m.Headers.String(record.HeaderRoutingKey)}
		}))
	}
	return all
}

func (w *Worker) newParking(t topology.Topology, target func(*message.Message) delay.Address) *parking {
	p := &parking{worker: w, queue: t.Queues[0].Name, topology: t}
	p.keeper = delay.New(delay.Config{Queue: p.queue, Target: target, Sink: parkingSink{w.connections.sender}, OnIdle: p.flush})
	return p
}

// keep consumes the parking queue until ctx is done, whatever ends a consumer.
func (p *parking) keep(ctx context.Context) {
	var keeping sync.WaitGroup
	life, end := context.WithCancel(context.Background())
	keeping.Go(func() { p.keeper.Run(ctx); end() })
	prefetch := firstPrefetch
	for failures := 0; ctx.Err() == nil; {
		c, err := p.open(ctx, prefetch)
		p.note(err)
		if err != nil {
			failures++
			pace.Wait(ctx, opening(), failures)
			continue
		}
		failures = 0
		p.consumed.Add(1)
		p.current.Store(c)
		if p.consume(ctx, c, prefetch) {
			prefetch = min(prefetch*growth, lastPrefetch)
		} else {
			prefetch = firstPrefetch
		}
		go func() {
			defer p.consumed.Done()
			p.leave(life, c)
		}()
	}
	keeping.Wait()
	p.consumed.Wait()
}

// flush has the broker told at once what was acknowledged.
func (p *parking) flush() {
	if c := p.current.Load(); c != nil {
		c.Flush()
	}
}

// leave closes a consumer when all that it was sent is settled, and at once if it was lost or
// the keeper has ended.
func (p *parking) leave(life context.Context, c *amqp.Consumer) {
	if c.Err() == nil {
		c.Settled(life)
	}
	_ = c.CloseNow() // the broker has, or takes back, what is not settled
	p.keeper.Sweep()
}

// consume hands what c receives to the keeper, until c is lost or ctx is done. It reports
// whether it has ended c because another consumer with a larger prefetch would do better.
func (p *parking) consume(ctx context.Context, c *amqp.Consumer, prefetch int) (larger bool) {
	handed := make(chan struct{})
	go func() {
		defer close(handed)
		p.hand(ctx, c)
	}()
	for {
		select {
		case <-c.Done():
			p.rest(ctx) // until all consumers of a deleted queue know that it is gone
			return false
		case <-ctx.Done():
			<-handed
			return false
		case <-p.keeper.Filled(prefetch):
		}
		if count, bytes := p.keeper.Held(); prefetch < lastPrefetch && count > 0 && bytes/count*prefetch*growth < delay.MaxBytes {
			_ = c.Cancel(ctx) // if it fails, the consumer has ended with its session
			return true
		}
	}
}

// hand gives the keeper what c receives.
func (p *parking) hand(ctx context.Context, c *amqp.Consumer) {
	for {
		d, ok := c.Receive(ctx.Done())
		if !ok || !p.keeper.Take(ctx, &d) {
			return
		}
	}
}

// open declares the parking queue and consumes it.
func (p *parking) open(ctx context.Context, prefetch int) (*amqp.Consumer, error) {
	session, err := p.worker.connections.consuming.Session(ctx)
	if err != nil {
		return nil, err
	}
	release, err := p.worker.opening.acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	ctx, cancel := context.WithTimeout(ctx, declareTimeout)
	defer cancel()
	if err := session.Declare(ctx, topology.Shared().Merge(p.topology)); err != nil {
		return nil, err
	}
	return session.Consume(ctx, amqp.Consume{Queue: p.queue, Prefetch: prefetch})
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

func (p *parking) note(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err = err
	if err == nil && !p.began {
		p.began = true
		p.worker.began()
	}
}

// notReady says why delayed messages do not come back, if they do not.
func (p *parking) notReady() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.err != nil:
		return []string{fmt.Sprintf("queue %s is not consumed: %v", p.queue, p.err)}
	case !p.began:
		return []string{fmt.Sprintf("queue %s is not consumed yet", p.queue)}
	}
	return nil
}

// parkingSink publishes for a keeper.
type parkingSink struct{ sender *amqp.Sender }

func (s parkingSink) Start(ctx context.Context, to delay.Address, m *message.Message) func(context.Context) error {
	return s.sender.StartUntil(ctx, to.Exchange, to.Key, m)
}

func (s parkingSink) Park(ctx context.Context, level time.Duration, queue string, m *message.Message) error {
	return s.sender.SendToLevel(ctx, level, queue, m)
}

func (s parkingSink) Strand(ctx context.Context, to delay.Address, m *message.Message) error {
	return s.sender.SendUnrouted(ctx, to.Key, m)
}
