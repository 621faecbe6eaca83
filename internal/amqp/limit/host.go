package limit

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/warren-mq/warren/internal/amqp"
)

// Host has the pools of all limits that the queues of one pair of connections use. It is safe
// for concurrent use.
type Host struct {
	connector *amqp.Connector
	sender    *amqp.Sender
	report    func(name string, err error)

	life context.Context // of the pools
	end  context.CancelFunc

	mu      sync.Mutex
	closed  bool
	pools   map[Spec]*Pool
	running sync.WaitGroup
}

// NewHost returns a host whose pools take slots over the connection of connector and publish
// over sender. report is called with the name of a limit and with what went wrong.
func NewHost(connector *amqp.Connector, sender *amqp.Sender, report func(name string, err error)) *Host {
	life, end := context.WithCancel(context.Background())
	return &Host{connector: connector, sender: sender, report: report, life: life, end: end, pools: make(map[Spec]*Pool)}
}

// Pool returns the pool of a limit, and starts it if it is the first use. It returns an error
// if the host is closed. A limit that is changed while the host runs has a new pool: the old one
// gives its slots back as another process does.
func (h *Host) Pool(s Spec) (*Pool, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p, ok := h.pools[s]; ok {
		return p, nil
	}
	if h.closed {
		return nil, amqp.ErrClosed
	}
	p := newPool(s)
	h.pools[s] = p
	h.running.Go(func() { p.run(h.life, h) })
	return p, nil
}

// Close gives all slots back that are not in use, and ends the pools. It must be called while
// the connections are open, and takes 2 s at most.
func (h *Host) Close() {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	h.end()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		h.running.Wait()
	}()
	timer := time.NewTimer(2 * leaveTimeout)
	defer timer.Stop()
	select {
	case <-ended:
	case <-timer.C:
	}
}

// Wait waits until the pools have ended. The connections must have been closed.
func (h *Host) Wait() { h.running.Wait() }

// Usage is how this process uses a limit.
type Usage struct {
	Held    int // slots
	Waiting int // handlers that wait for a slot
}

// Usage returns how this process uses the limit with the label of s.
func (h *Host) Usage(s Spec) (u Usage) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for spec, p := range h.pools {
		if spec.Label() == s.Label() { // a changed limit has two pools for a while
			held, waiting := p.usage()
			u.Held += held
			u.Waiting += waiting
		}
	}
	return u
}

// user is a worker whose handlers use a host.
type user struct {
	host   *Host
	waited func(label string, d time.Duration)
}

type userKey struct{}

// WithHost returns a copy of ctx with which Acquire takes slots of h. It calls waited with the time
// that each slot took.
func WithHost(ctx context.Context, h *Host, waited func(label string, d time.Duration)) context.Context {
	return context.WithValue(ctx, userKey{}, user{h, waited})
}

// Acquire waits for a slot of the limit, which the handler of a worker needs.
func Acquire(ctx context.Context, s Spec) (*Pool, *Term, error) {
	u, ok := ctx.Value(userKey{}).(user)
	if !ok {
		return nil, nil, fmt.Errorf("limit: take a slot of %q: the context is not of a worker", s.Name)
	}
	p, err := u.host.Pool(s)
	if err != nil {
		return nil, nil, err
	}
	began := time.Now()
	t, err := p.Acquire(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("limit: waiting for %q: %w", s.Name, err)
	}
	u.waited(s.Label(), time.Since(began))
	return p, t, nil
}
