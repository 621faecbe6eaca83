package amqp_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/retry"
)

// TestNodesInTurn: a dead node is passed over, and a lost one replaced by another.
func TestNodesInTurn(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		first, second := rabbit.NewProxy(t, rabbit.URL(t)), rabbit.NewProxy(t, rabbit.URL(t))
		first.Cut()
		r := run(t, amqp.Config{URL: first.URL(), URLs: []string{second.URL()}}, nil)
		at := func(s *amqp.Session, p *rabbit.Proxy) {
			t.Helper()
			if !strings.Contains(p.URL(), "@"+s.Address()+"/") {
				t.Errorf("the session is with %s, want %s", s.Address(), amqp.Redact(p.URL()))
			}
		}
		s := r.session(t)
		at(s, second)
		first.Restore(t)
		second.Cut()
		<-s.Done()
		s = r.session(t)
		at(s, first)
		first.Cut()
		second.Restore(t)
		<-s.Done()
		at(r.session(t), second)
	})
}

// TestReconnectsWithoutLimit: the start-up time no longer counts once there was a session.
func TestReconnectsWithoutLimit(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		const startup = 300 * time.Millisecond
		proxy := rabbit.NewProxy(t, rabbit.URL(t))
		var attempts atomic.Int32
		r := run(t, amqp.Config{URL: proxy.URL(), StartupTimeout: startup, Dial: counting(&attempts)}, nil)
		s := r.session(t)
		proxy.Cut()
		<-s.Done()
		cut, before := time.Now(), attempts.Load()
		rabbit.Eventually(t, 10*time.Second, func() bool { return time.Since(cut) > 3*startup && attempts.Load() > before+5 }, "it goes on trying")
		if _, err := r.Current(); err == nil || !strings.Contains(err.Error(), "connection refused") {
			t.Errorf("Current gives %v as the reason, want what stands in the way", err)
		}
		proxy.Restore(t)
		if again := r.session(t); again == s {
			t.Error("the lost session came back: a session is never repaired")
		}
	})
}

func counting(n *atomic.Int32) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		n.Add(1)
		return rabbit.Dial(ctx, network, address)
	}
}

// TestShortSessionsAreSpaced: a session that ends as soon as it is there is followed
// by pauses like any other failure, and not by a storm of connections.
func TestShortSessionsAreSpaced(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		var attempts atomic.Int32
		first := make(chan struct{})
		var once sync.Once
		r := run(t, amqp.Config{
			URL: rabbit.URL(t), Dial: counting(&attempts),
			Backoff: retry.Policy{InitialInterval: time.Minute, MaxInterval: time.Hour},
		}, func(s *amqp.Session, _ error) {
			if s != nil {
				once.Do(func() { close(first) })
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}
		})
		<-first
		began := time.Now()
		rabbit.Eventually(t, 10*time.Second, func() bool { return time.Since(began) > 2*time.Second || attempts.Load() > 10 }, "two seconds, or a storm")
		if n := attempts.Load(); n > 3 {
			t.Errorf("%d connections in %v with a pause of a minute, want 3 at most", n, time.Since(began))
		}
		r.stop()
	})
}

// TestChangesComeInOrder: a session, its loss with the cause, the next session.
func TestChangesComeInOrder(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		proxy := rabbit.NewProxy(t, rabbit.URL(t))
		var mu sync.Mutex
		var changes []string
		var causes []error
		r := run(t, amqp.Config{URL: proxy.URL()}, func(s *amqp.Session, err error) {
			mu.Lock()
			defer mu.Unlock()
			if s != nil {
				changes, causes = append(changes, "up"), append(causes, err)
				return
			}
			changes, causes = append(changes, "down"), append(causes, err)
		})
		for range 2 {
			s := r.session(t)
			proxy.Cut()
			<-s.Done()
			proxy.Restore(t)
		}
		r.session(t)
		r.stop()
		if err := r.after(t, soon); err != nil {
			t.Error(err)
		}
		if want := []string{"up", "down", "up", "down", "up"}; !slices.Equal(changes, want) {
			t.Errorf("changes %v, want %v", changes, want)
		}
		for i, err := range causes {
			if (err != nil) != (changes[i] == "down") {
				t.Errorf("change %d is %s with the cause %v", i, changes[i], err)
			}
		}
	})
}

// TestConnectionsAreNamed looks at them as an operator does.
func TestConnectionsAreNamed(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		node := rabbit.Start(t)
		c := run(t, amqp.Config{URL: node.URL(), Name: "signup"}, nil)
		c.session(t)
		unnamed := session(t, amqp.Config{URL: node.URL()})
		if unnamed.Err() != nil {
			t.Fatal(unnamed.Err())
		}
		p := publisher(t, amqp.Config{URL: node.URL(), Name: "signup"}, "amq.fanout")
		if err := p.Publish(t.Context(), "k", 1); !errors.Is(err, amqp.ErrUnroutable) {
			t.Fatal(err)
		}
		list := strings.Join(node.Clients(t), "\n")
		for _, name := range []string{"signup test", "signup publish", "amqp.test test"} {
			if !strings.Contains(list, `"`+name+`"`) {
				t.Errorf("no connection is called %q:\n%s", name, list)
			}
		}
		if !strings.Contains(list, `"Warren"`) {
			t.Errorf("no product Warren:\n%s", list)
		}
	})
}
