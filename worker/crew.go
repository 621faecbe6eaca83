package worker

import (
	"sync"

	"github.com/warren-mq/warren/internal/amqp"
)

// crew is the hands of one queue.
type crew struct {
	hands     sync.WaitGroup
	dismissed chan struct{} // closed to end all hands

	mu      sync.Mutex
	running int // hands that have not ended, those that are surplus included
	wanted  int

	lanes   []*lane        // one for each hand, with OrderBy; the keeper's
	sorting sync.WaitGroup // of what fills the lanes
	leaving chan struct{}  // closed when the hands of the last lanes have ended; nil unless they are to
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

// staff makes the crew n hands strong. Lanes have their hands already.
func (q *Subscription) staff(n int) {
	if q.config.OrderBy != nil {
		return
	}
	for range q.crew.missing(n) {
		q.crew.hands.Go(func() { q.hand(q.receiver()) })
	}
}

// dismiss has all hands end, and returns a channel that is closed when they have.
func (c *crew) dismiss() <-chan struct{} {
	if c.leaving == nil {
		c.leaving = make(chan struct{})
		close(c.dismissed)
		go func() {
			c.hands.Wait()
			close(c.leaving)
		}()
	}
	return c.leaving
}

// receiver takes from whatever consumer the queue has at present, until the worker is
// told to stop. The consumer before is emptied first, so that messages stay in order.
func (q *Subscription) receiver() source {
	var c *amqp.Consumer
	stop := q.receiving.Done()
	return func() (amqp.Delivery, bool) {
		for !q.crew.surplus() {
			if c != nil {
				if d, ok := c.Receive(stop); ok {
					return d, true
				}
			}
			if c = q.after(c, stop); c == nil {
				break
			}
		}
		return amqp.Delivery{}, false
	}
}
