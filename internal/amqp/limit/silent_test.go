package limit_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/warren-mq/warren/internal/amqp/limit"
	"github.com/warren-mq/warren/internal/rabbit"
)

// TestASilentNetworkEndsHandlersBeforeTheSlotGoesOver: the broker takes the slot back after two
// to three heartbeats of silence, and the process notices before.
func TestASilentNetworkEndsHandlersBeforeTheSlotGoesOver(t *testing.T) {
	rabbit.NeedsNetwork(t, "it swallows the bytes of one direction")
	t.Parallel()
	for name, both := range map[string]bool{
		"the broker receives nothing, and the process receives its heartbeats": false,
		"neither receives anything": true,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSpec(t, 1, 0)
			gap := newGap(t, rabbit.URL(t))
			a, b := newReplica(t, gap.url, s), newReplica(t, rabbit.URL(t), s)
			term := a.take()
			gap.up.Store(true)
			gap.down.Store(both)
			began := time.Now()
			var ended atomic.Int64
			go func() {
				<-term.Life().Done()
				ended.Store(int64(time.Since(began)))
			}()
			b.take()
			taken := time.Since(began)
			told := time.Duration(ended.Load())
			t.Logf("with a heartbeat of 2 s: the handler was told after %v, and another process got the slot after %v", told, taken)
			if told == 0 || taken-told < 500*time.Millisecond || !errors.Is(context.Cause(term.Life()), limit.ErrLost) {
				t.Errorf("the handler was told after %v (cause %v), and another process got the slot after %v, want about 1 s between them", told, context.Cause(term.Life()), taken)
			}
		})
	}
}

// gap is a proxy that swallows the bytes of a direction.
type gap struct {
	url      string
	up, down atomic.Bool
}

func newGap(t *testing.T, upstream string) *gap {
	t.Helper()
	u, err := url.Parse(upstream)
	if err != nil {
		t.Fatal(err)
	}
	target := u.Host
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u.Host = l.Addr().String()
	g := &gap{url: u.String()}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := new(net.Dialer).DialContext(context.WithoutCancel(t.Context()), "tcp", target)
			if err != nil {
				_ = client.Close()
				continue
			}
			running.Go(func() { pass(server, client, &g.up) })
			running.Go(func() { pass(client, server, &g.down) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		running.Wait()
	})
	return g
}

// pass copies bytes until one side closes, and then closes the other.
func pass(to io.WriteCloser, from io.ReadCloser, swallow *atomic.Bool) {
	defer func() { _, _ = to.Close(), from.Close() }()
	buffer := make([]byte, 4096)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		if !swallow.Load() {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
	}
}
