package limit

import (
	"context"
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

type hostKey struct{}

// WithHost returns a copy of ctx from which HostOf returns h.
func WithHost(ctx context.Context, h *Host) context.Context {
	return context.WithValue(ctx, hostKey{}, h)
}

// HostOf returns the host of the worker that handles a message, or nil outside a worker.
func HostOf(ctx context.Context) *Host {
	h, _ := ctx.Value(hostKey{}).(*Host)
	return h
}
