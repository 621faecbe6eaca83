package worker

import (
	"fmt"
	"sync"
	"time"

	"github.com/warren-mq/warren/broker"
)

// copies holds the copies of one queue, for a retry or the dead-letter queue, that the broker
// has not confirmed yet.
type copies struct {
	window chan struct{} // holds a value for each copy that no worker goroutine waits for

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

// unconfirmedLimit is how long a copy may be unconfirmed before an event is emitted.
const unconfirmedLimit = 10 * time.Second

// unconfirmed returns why a copy is not confirmed after that time, as far as that is known.
func (w *Worker) unconfirmed() error {
	session, err := w.connections.sender.Connector().Current()
	switch {
	case session == nil:
		return fmt.Errorf("worker: the copy is not confirmed after %v: %w: %w", unconfirmedLimit, broker.ErrNotConnected, err)
	case session.Blocked() != "":
		return fmt.Errorf("worker: the copy is not confirmed after %v: %w: %s", unconfirmedLimit, broker.ErrBlocked, session.Blocked())
	}
	return fmt.Errorf("worker: the copy is not confirmed after %v: the broker does not answer", unconfirmedLimit)
}
