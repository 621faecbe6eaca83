package worker

import (
	"sync"
	"time"
)

// copies holds the copies of one queue, for a retry or the dead-letter queue, that the broker
// has not confirmed yet.
type copies struct {
	mu      sync.Mutex
	waiting map[*unconfirmedCopy]struct{}
}

type unconfirmedCopy struct {
	since time.Time
	err   error // why it is not confirmed, as far as that is known
}

// begin adds a copy; done removes it, and failed sets why it is not confirmed yet.
func (c *copies) begin() (failed func(error), done func()) {
	u := &unconfirmedCopy{since: time.Now()}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting == nil {
		c.waiting = make(map[*unconfirmedCopy]struct{})
	}
	c.waiting[u] = struct{}{}
	failed = func(err error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		u.err = err
	}
	done = func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.waiting, u)
	}
	return failed, done
}

// late returns how many copies have waited for unconfirmedLimit or longer, and the cause
// of the one that has waited longest.
func (c *copies) late() (n int, cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var oldest *unconfirmedCopy
	for u := range c.waiting {
		if time.Since(u.since) < unconfirmedLimit {
			continue
		}
		if n++; oldest == nil || u.since.Before(oldest.since) {
			oldest = u
		}
	}
	if oldest == nil {
		return 0, nil
	}
	return n, oldest.err
}
