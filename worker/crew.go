package worker

import (
	"hash/maphash"
	"sync"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/message"
)

// crew is the hands of one queue.
type crew struct {
	hands     sync.WaitGroup
	dismissed chan struct{} // closed to end all hands

	mu      sync.Mutex
	running int // hands that have not ended, those that are surplus included
	wanted  int

	lanes   []chan broker.Delivery // one for each hand, with OrderBy; the keeper's
	sorting sync.WaitGroup         // of what fills the lanes
}

func newCrew() crew { return crew{dismissed: make(chan struct{})} }

// surplus ends a hand if there are more than wanted. Hands end only between
// messages, so those still at work count until then.
func (c *crew) surplus() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running <= c.wanted {
		return false
	}
	c.running--
	return true
}

// missing sets the wanted number and returns how many hands are to be started.
func (c *crew) missing(wanted int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	start := max(wanted-c.running, 0)
	c.wanted, c.running = wanted, c.running+start
	return start
}

// staff makes the crew n hands strong.
func (q *Subscription) staff(n int) {
	if q.config.OrderBy != nil {
		q.staffLanes(n)
		return
	}
	for range q.crew.missing(n) {
		q.crew.hands.Go(func() { q.hand(q.receiver()) })
	}
}

// dismiss ends all hands and waits for them.
func (q *Subscription) dismiss() {
	close(q.crew.dismissed)
	q.crew.hands.Wait()
}

// receiver takes from whatever consumer the queue has at present. The one before
// is emptied first, so that messages stay in order.
func (q *Subscription) receiver() source {
	var c *broker.Consumer
	return func() (broker.Delivery, bool) {
		for !q.crew.surplus() {
			if c != nil {
				if d, ok := c.Receive(q.crew.dismissed); ok {
					return d, true
				}
			}
			if c = q.after(c, q.crew.dismissed); c == nil {
				break
			}
		}
		return broker.Delivery{}, false
	}
}

// staffLanes gives each hand a lane of its own. Keys move to other lanes when the
// number changes, so the old hands end first; their lanes are empty by then.
func (q *Subscription) staffLanes(n int) {
	if len(q.crew.lanes) == n {
		return
	}
	q.dismiss()
	q.crew.dismissed = make(chan struct{})
	q.crew.lanes = make([]chan broker.Delivery, n)
	for i := range q.crew.lanes {
		// Room for all that one consumer can have here: a busy lane must not stop the others.
		lane := make(chan broker.Delivery, q.config.prefetch(n))
		q.crew.lanes[i] = lane
		next := laneSource(lane, q.crew.dismissed)
		q.crew.hands.Go(func() { q.hand(next) })
	}
}

// sort puts each delivery of c into the lane of its key, until c ends.
func (q *Subscription) sort(c *broker.Consumer, lanes []chan broker.Delivery) {
	for {
		d, ok := c.Receive(nil)
		if !ok {
			return
		}
		var m message.Message
		d.Fill(&m)
		lanes[maphash.String(q.seed, q.orderKey(&m))%uint64(len(lanes))] <- d
	}
}

// orderKey is OrderBy's answer; a panic of it counts as no key.
func (q *Subscription) orderKey(m *message.Message) (key string) {
	if err := safely(func() error { key = q.config.OrderBy(m); return nil }); err != nil {
		q.worker.log.Error("worker: OrderBy failed", "queue", q.config.Name, "message_id", m.ID, "error", err)
	}
	return key
}

// waiting takes what no hand has taken from its lane.
func (c *crew) waiting() (untouched []broker.Delivery) {
	for _, lane := range c.lanes {
		for taken := true; taken; {
			select {
			case d := <-lane:
				untouched = append(untouched, d)
			default:
				taken = false
			}
		}
	}
	return untouched
}

// laneSource takes from a lane.
func laneSource(lane <-chan broker.Delivery, dismissed <-chan struct{}) source {
	return func() (broker.Delivery, bool) {
		select {
		case d := <-lane:
			return d, true
		case <-dismissed:
			return broker.Delivery{}, false
		}
	}
}
