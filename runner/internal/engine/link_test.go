package engine_test

import (
	"bytes"
	"context"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/warren-mq/warren/broker"
)

// link is the way to a broker, and breaks as the test wishes. It begins to at once, for
// connections that are open too.
type link struct {
	direct    broker.Config // another way, which does not break
	heartbeat time.Duration

	mu     sync.Mutex
	cut    bool          // connections are lost, and refused
	silent bool          // whatever is sent gets lost
	slow   time.Duration // for each piece, in each direction
	until  []byte        // falls silent when it is sent
	open   []net.Conn
}

func (l *link) change(f func(*link)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f(l)
	if l.cut {
		for _, c := range l.open {
			_ = c.Close() // to lose it is what is wanted
		}
		l.open = nil
	}
}

func (l *link) state() (silent bool, slow time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.silent, l.slow
}

// Dial fits broker.Config.
func (l *link) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := l.direct.Dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut {
		_ = c.Close() // it was not passed on
		return nil, &net.OpError{Op: "dial", Net: "pipe", Err: syscall.ECONNREFUSED}
	}
	l.open = append(l.open, c)
	open, end := context.WithCancel(context.Background())
	return &linked{Conn: c, link: l, open: open, end: end}, nil
}

type linked struct {
	net.Conn

	link *link
	open context.Context // done once the connection is closed, which ends reads and writes
	end  context.CancelFunc
}

func (c *linked) Close() error {
	c.end()
	return c.Conn.Close()
}

func (c *linked) delay(d time.Duration) {
	select {
	case <-time.After(d):
	case <-c.open.Done():
	}
}

func (c *linked) Read(p []byte) (int, error) {
	for {
		n, err := c.Conn.Read(p)
		silent, slow := c.link.state()
		if err == nil && silent {
			continue
		}
		c.delay(slow)
		return n, err
	}
}

func (c *linked) Write(p []byte) (int, error) {
	c.link.mu.Lock()
	if c.link.until != nil && bytes.Contains(p, c.link.until) {
		c.link.silent = true
	}
	c.link.mu.Unlock()
	silent, slow := c.link.state()
	if silent {
		return len(p), nil
	}
	c.delay(slow)
	return c.Conn.Write(p)
}
