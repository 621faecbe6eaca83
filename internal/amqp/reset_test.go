package amqp_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
)

// resetting is a connection whose writes fail once it is reset. What it has to read
// does not end before it is released.
type resetting struct {
	net.Conn

	reset   atomic.Bool
	closing chan struct{} // closed by the first Close
	release chan struct{}
	once    sync.Once
}

func (c *resetting) Write(p []byte) (int, error) {
	if c.reset.Load() {
		return 0, &net.OpError{Op: "write", Net: "tcp", Err: syscall.ECONNRESET}
	}
	return c.Conn.Write(p)
}

func (c *resetting) Close() error {
	c.once.Do(func() { close(c.closing) })
	<-c.release
	return c.Conn.Close()
}

// TestAWriteThatFailsIsNoFaultOfTheMessage: a publisher may learn of the loss before
// anybody else.
func TestAWriteThatFailsIsNoFaultOfTheMessage(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		conn := &resetting{closing: make(chan struct{}), release: make(chan struct{})}
		dial := func(ctx context.Context, network, address string) (net.Conn, error) {
			if conn.Conn != nil {
				return nil, syscall.ECONNREFUSED
			}
			var err error
			conn.Conn, err = rabbit.Dial(ctx, network, address)
			return conn, err
		}
		s := amqp.NewSender(amqp.Config{URL: rabbit.URL(t), Dial: dial}, "test", nil)
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		defer func() {
			close(conn.release)
			stop()
			t.Logf("Run returned %v", <-done) // it could not say goodbye
		}()
		publish := func(id string) (wait func(context.Context) error, err error) {
			return s.Start(ctx, "amq.fanout", "k", &message.Message{ID: id})
		}
		wait, err := publish("1")
		if err != nil {
			t.Fatal(err)
		}
		_ = wait(ctx) // no queue takes it, but all is written
		conn.reset.Store(true)
		if _, err := publish("2"); err != nil { // written behind its back
			t.Fatal(err)
		}
		<-conn.closing
		if _, err := publish("3"); !errors.Is(err, amqp.ErrNotConnected) || errors.Is(err, amqp.ErrMalformed) {
			t.Errorf("got %v, want ErrNotConnected", err)
		}
	})
}
