package worker

import (
	"hash/maphash"
	"sync"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/message"
)

// crew is the hands of one queue. It is used by the queue's keeper alone.
type crew struct {
	running sync.WaitGroup
	stops   []chan struct{}        // one for each hand
	lanes   []chan broker.Delivery // one for each hand, with OrderBy
	sorter  chan struct{}          // closed to end the goroutine that fills the lanes
	sorting sync.WaitGroup
}

// staff makes the crew n hands strong.
func (q *Subscription) staff(n int) {
	if q.config.OrderBy != nil {
		q.staffLanes(n)
		return
	}
	c := &q.crew
	for len(c.stops) < n {
		stop := make(chan struct{})
		c.stops = append(c.stops, stop)
		c.running.Go(func() { q.hand(q.receiver(), stop) })
	}
	for len(c.stops) > n {
		last := len(c.stops) - 1
		close(c.stops[last])
		c.stops = c.stops[:last]
	}
}

// dismiss ends all hands and waits for them.
func (q *Subscription) dismiss() {
	c := &q.crew
	if c.sorter != nil {
		close(c.sorter)
		c.sorting.Wait()
		c.sorter = nil
	}
	for _, stop := range c.stops {
		close(stop)
	}
	c.stops = nil
	c.running.Wait()
}

// receiver takes from whatever consumer the queue has at present.
func (q *Subscription) receiver() source {
	var c *broker.Consumer
	return func(stop <-chan struct{}) (broker.Delivery, bool) {
		for {
			if c != nil {
				if d, ok := c.Receive(stop); ok {
					return d, true
				}
			}
			if c = q.after(c, stop); c == nil {
				return broker.Delivery{}, false
			}
		}
	}
}

// staffLanes gives each hand a lane of its own. Keys move to other lanes when the
// number changes, so the old hands finish first.
func (q *Subscription) staffLanes(n int) {
	c := &q.crew
	if len(c.lanes) == n && c.sorter != nil {
		return
	}
	q.dismiss()
	c.lanes = make([]chan broker.Delivery, n)
	for i := range c.lanes {
		// Room for all that can be here: a busy lane must not stop the others.
		lane, stop := make(chan broker.Delivery, q.config.prefetch(n)), make(chan struct{})
		c.lanes[i], c.stops = lane, append(c.stops, stop)
		c.running.Go(func() { q.hand(laneSource(lane), stop) })
	}
	c.sorter = make(chan struct{})
	lanes, stop := c.lanes, c.sorter
	c.sorting.Go(func() { q.sort(lanes, stop) })
}

// sort puts each delivery into the lane of its key.
func (q *Subscription) sort(lanes []chan broker.Delivery, stop <-chan struct{}) {
	next, seed := q.receiver(), maphash.MakeSeed()
	for {
		d, ok := next(stop)
		if !ok {
			return
		}
		var m message.Message
		d.Fill(&m)
		key := q.orderKey(&m)
		lanes[maphash.String(seed, key)%uint64(len(lanes))] <- d
	}
}

// orderKey is OrderBy's answer; a panic of it counts as no key.
func (q *Subscription) orderKey(m *message.Message) (key string) {
	if err := safely(func() error { key = q.config.OrderBy(m); return nil }); err != nil {
		q.worker.log.Error("worker: OrderBy failed", "queue", q.config.Name, "message_id", m.ID, "error", err)
	}
	return key
}

// laneSource takes from a lane.
func laneSource(lane <-chan broker.Delivery) source {
	return func(stop <-chan struct{}) (broker.Delivery, bool) {
		select {
		case d := <-lane:
			return d, true
		case <-stop:
			return broker.Delivery{}, false
		}
	}
}
