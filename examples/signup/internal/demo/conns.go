package demo

import (
	"context"
	"net"
	"sync"
)

// wires are the connections to the broker, which a button cuts.
type wires struct {
	mu   sync.Mutex
	open map[*wire]struct{}
}

// wire is one of them.
type wire struct {
	net.Conn

	of *wires
}

// dial opens a connection, for broker.Config.
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

// Close closes the connection, and forgets it.
func (c *wire) Close() error {
	c.of.mu.Lock()
	delete(c.of.open, c)
	c.of.mu.Unlock()
	return c.Conn.Close()
}

// cut breaks all connections without a word, and returns how many there were.
func (w *wires) cut() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := len(w.open)
	for c := range w.open {
		_ = c.Conn.Close() // its user finds out and closes it as well
	}
	clear(w.open)
	return n
}
