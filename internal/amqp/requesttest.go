package amqp

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// tests holds the exchanges that have taken a request in a session. The first request to each of
// them tests it on a channel of its own: the exchange may be missing, or the user may not be
// permitted to write to it.
type tests struct {
	mu      sync.Mutex
	session *Session
	all     map[string]chan struct{} // by exchange; closed when its test has ended
}

// testPatience is how long a call waits for the test of its exchange. A refusal comes at once, and a
// confirm may take longer, as from a queue without a majority.
const testPatience = time.Second

// begin returns whether the exchange has been tested. If not, the caller's request tests it, and end
// must be called with whether the exchange has taken that.
func (t *tests) begin(ctx context.Context, c *Connector, exchange string) (end func(taken bool), tested bool, err error) {
	for {
		session, err := c.Session(ctx)
		if err != nil {
			return nil, false, err
		}
		ended, first := t.join(session, exchange)
		if first {
			return func(taken bool) { t.end(exchange, ended, taken) }, false, nil
		}
		select {
		case <-ended:
			if t.has(exchange, ended) {
				return nil, true, nil
			}
		case <-time.After(testPatience):
			return nil, true, nil
		case <-ctx.Done():
			return nil, false, fmt.Errorf("%w: %w", ErrNotConnected, context.Cause(ctx))
		}
	}
}

// join returns the test of the exchange, and whether the caller has begun it.
func (t *tests) join(session *Session, exchange string) (ended chan struct{}, first bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.session != session || len(t.all) > maxTargets {
		t.session, t.all = session, make(map[string]chan struct{})
	}
	if ended = t.all[exchange]; ended == nil {
		ended, first = make(chan struct{}), true
		t.all[exchange] = ended
	}
	return ended, first
}

func (t *tests) has(exchange string, ended chan struct{}) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.all[exchange] == ended
}

// end ends a test. If the exchange has not taken the request, the next one tests it again.
func (t *tests) end(exchange string, ended chan struct{}, taken bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !taken && t.all[exchange] == ended {
		delete(t.all, exchange)
	}
	close(ended)
}

// forget has the next request test the exchange again.
func (t *tests) forget(exchange string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.all, exchange)
}
