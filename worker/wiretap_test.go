package worker_test

import (
	"bytes"
	"context"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/internal/rabbit"
)

// wiretap dials for a worker and keeps its connections apart: both go to one URL.
type wiretap struct {
	mu   sync.Mutex
	open []*wire
}

// wire is a connection that can be made to swallow what is written.
type wire struct {
	net.Conn
	mu        sync.Mutex
	greeting  []byte // the first bytes written, which hold the connection's name
	mute      atomic.Bool
	swallowed atomic.Int64
}

func (w *wiretap) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := rabbit.Dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	tapped := &wire{Conn: c}
	w.open = append(w.open, tapped)
	return tapped, nil
}

// of returns the connection whose name ends with role.
func (w *wiretap) of(t *testing.T, role string) *wire {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.open {
		c.mu.Lock()
		named := bytes.Contains(c.greeting, []byte(role))
		c.mu.Unlock()
		if named {
			return c
		}
	}
	t.Fatalf("no connection is named %q", role)
	return nil
}

func (c *wire) Write(p []byte) (int, error) {
	if c.mute.Load() {
		c.swallowed.Add(int64(len(p)))
		return len(p), nil
	}
	c.mu.Lock()
	if len(c.greeting) < 1<<10 {
		c.greeting = append(c.greeting, p...)
	}
	c.mu.Unlock()
	return c.Conn.Write(p)
}

// death is the reason the broker gives for a dead letter of its own, or "".
func death(d amqp.Delivery) string {
	deaths, _ := d.Headers["x-death"].([]any)
	if len(deaths) == 0 {
		return ""
	}
	first, _ := deaths[0].(amqp.Table)
	reason, _ := first["reason"].(string)
	return reason
}
