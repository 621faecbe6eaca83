package worker

import (
	"context"
	"hash/maphash"
	"sync"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/telemetry"
	"github.com/warren-mq/warren/message"
)

// lane holds the messages that one goroutine handles next, in order. It is not bounded, since a
// full lane would stop the others.
type lane struct {
	filled chan struct{} // has one if something was put since the lane was found empty

	mu      sync.Mutex
	waiting []amqp.Delivery
}

func newLane() *lane { return &lane{filled: make(chan struct{}, 1)} }

func (l *lane) put(d amqp.Delivery) {
	l.mu.Lock()
	l.waiting = append(l.waiting, d)
	l.mu.Unlock()
	select {
	case l.filled <- struct{}{}:
	default:
	}
}

func (l *lane) take() (d amqp.Delivery, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) == 0 {
		return d, false
	}
	d, l.waiting[0] = l.waiting[0], d
	l.waiting = l.waiting[1:]
	return d, true
}

// takeAll takes all messages at once. If it took them one by one, the goroutine could take one
// in between, and the requeued messages before it would be delivered after it.
func (l *lane) takeAll() []amqp.Delivery {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.waiting
	l.waiting = nil
	return all
}

// source takes from the lane until ending or stop is closed. A lane has one goroutine.
func (l *lane) source(ending, stop <-chan struct{}) source {
	return func() (amqp.Delivery, bool) {
		for {
			select {
			case <-stop:
				return amqp.Delivery{}, false
			default:
			}
			if d, ok := l.take(); ok {
				return d, true
			}
			select {
			case <-l.filled:
			case <-ending:
				return amqp.Delivery{}, false
			case <-stop:
			}
		}
	}
}

// renewLanes gives each of n goroutines a lane of its own. Since keys move to other lanes when
// the number changes, it first ends the old goroutines, whose lanes are empty. It returns false
// if the queue is changed or told to stop meanwhile.
func (q *Subscription) renewLanes(ctx context.Context, n int) bool {
	c := &q.pool
	if q.config.OrderBy == nil || len(c.lanes) == n && c.leaving == nil {
		return true
	}
	select {
	case <-c.end():
	case <-q.changed:
		return false
	case <-ctx.Done():
		return false
	}
	c.ending, c.leaving, c.lanes = make(chan struct{}), nil, make([]*lane, n)
	for i := range c.lanes {
		c.lanes[i] = newLane()
		next := c.lanes[i].source(c.ending, ctx.Done())
		c.goroutines.Go(func() { q.work(next) })
	}
	return true
}

// sort puts each delivery of c into the lane of its key, until c ends.
func (q *Subscription) sort(c *amqp.Consumer, lanes []*lane) {
	for {
		d, ok := c.Receive(q.receiving.Done())
		if !ok {
			return
		}
		var m message.Message
		d.Fill(&m)
		lanes[maphash.String(q.seed, q.orderKey(&m))%uint64(len(lanes))].put(d)
	}
}

// orderKey returns the key of OrderBy; if OrderBy panics, the key is empty.
func (q *Subscription) orderKey(m *message.Message) (key string) {
	if err := safely(func() error { key = q.config.OrderBy(m); return nil }); err != nil {
		q.worker.log.ErrorContext(telemetry.Within(q.worker.creation(m)), "worker: OrderBy failed", "queue", q.config.Name, "message_id", m.ID, "error", err)
	}
	return key
}

// waiting takes what no goroutine has taken from its lane.
func (c *pool) waiting() (untouched []amqp.Delivery) {
	for _, l := range c.lanes {
		untouched = append(untouched, l.takeAll()...)
	}
	return untouched
}
