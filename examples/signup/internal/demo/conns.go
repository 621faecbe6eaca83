package demo

import (
	"context"
	"net"
	"sync"
)

// wires holds the connections to the broker, so that a button can cut them.
type wires struct {
	mu   sync.Mutex
	open map[*wire]struct{}
}

// wire is a connection that wires keeps track of.
type wire struct {
	net.Conn

	of *wires
}

// dial opens a connection. It is the Dial function of broker.Config.
func (w *wires) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	one := &wire{conn, w}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.open == nil {
		w.open = make(map[*wire]struct{})
	}
	w.open[one] = struct{}{}
	return one, nil
}

// Close closes the connection and removes it from wires.
func (c *wire) Close() error {
	c.of.mu.Lock()
	delete(c.of.open, c)
	c.of.mu.Unlock()
	return c.Conn.Close()
}

// cut closes all connections without an AMQP close, and returns how many it closed.
func (w *wires) cut() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := len(w.open)
	for c := range w.open {
		_ = c.Conn.Close() // its user sees the error and closes it again
	}
	clear(w.open)
	return n
}
