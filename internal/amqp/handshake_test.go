package amqp_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/warren-mq/warren/internal/amqp"
)

// silent is a listener that accepts and never says a word.
func silent(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var held sync.WaitGroup
	held.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = conn.Close() })
		}
	})
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		held.Wait()
	})
	return "amqp://" + l.Addr().String() + "/"
}

// TestRunEndsDuringAHandshake: a stop is obeyed while the broker is silent.
func TestRunEndsDuringAHandshake(t *testing.T) {
	t.Parallel()
	dialled := make(chan struct{}, 1)
	r := run(t, amqp.Config{URL: silent(t), Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		defer func() { dialled <- struct{}{} }()
		return new(net.Dialer).DialContext(ctx, network, address)
	}}, nil)
	<-dialled
	r.stop()
	if err := r.after(t, soon); err != nil {
		t.Errorf("Run returned %v, want nil", err)
	}
}

// TestACutHandshakeIsNoRefusal: a broker that goes down while it is spoken to has
// refused no user.
func TestACutHandshakeIsNoRefusal(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, err = conn.Write(connectionStart())
			if err == nil { // the answer is read in part, and then the line is cut
				_, err = conn.Read(make([]byte, 64))
			}
			if err := errors.Join(err, conn.Close()); err != nil {
				t.Log(err) // the client may have given up first
			}
		}
	})
	defer serving.Wait()
	defer func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}()
	cfg := amqp.Config{URL: "amqp://" + l.Addr().String() + "/?auth_mechanism=external", StartupTimeout: 500 * time.Millisecond}
	if err := run(t, cfg, nil).after(t, soon); errors.Is(err, amqp.ErrRefused) || !errors.Is(err, amqp.ErrNotConnected) {
		t.Errorf("Run returned %v, want ErrNotConnected and no refusal", err)
	}
}
