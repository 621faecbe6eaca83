package worker

import (
	"sync"

	"github.com/warren-mq/warren/internal/amqp"
)

// pool is the worker goroutines of one queue.
type pool struct {
	goroutines sync.WaitGroup
	ending     chan struct{} // closed to end all goroutines

	mu      sync.Mutex
	running int // goroutines that have not ended, including surplus ones
	wanted  int

	lanes   []*lane        // one for each goroutine, with OrderBy; used by the keeper alone
	sorting sync.WaitGroup // of what fills the lanes
	leaving chan struct{}  // closed when the goroutines have ended; nil unless end was called
}

func newPool() pool { return pool{ending: make(chan struct{})} }

// surplus reports whether the calling goroutine is one too many and must end. Goroutines end
// only between messages, so those at work count until then.
func (c *pool) surplus() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running <= c.wanted {
		return false
	}
	c.running--
	return true
}

// missing sets the wanted number and returns how many goroutines are to be started.
func (c *pool) missing(wanted int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	start := max(wanted-c.running, 0)
	c.wanted, c.running = wanted, c.running+start
	return start
}

// resize starts goroutines until the pool has n. With lanes the pool has them already.
func (q *Subscription) resize(n int) {
	if q.config.OrderBy != nil {
		return
	}
	for range q.pool.missing(n) {
		q.pool.goroutines.Go(func() { q.work(q.receiver()) })
	}
}

// end ends all goroutines, and returns a channel that is closed when they have ended.
func (c *pool) end() <-chan struct{} {
	if c.leaving == nil {
		c.leaving = make(chan struct{})
		close(c.ending)
		go func() {
			c.goroutines.Wait()
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
		for !q.pool.surplus() {
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
