package amqp_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/rabbit"
)

// noticed tells when somebody waits for the context's end.
type noticed struct {
	context.Context

	waiting chan struct{}
	once    *sync.Once
}

func (n noticed) Done() <-chan struct{} {
	n.once.Do(func() { close(n.waiting) })
	return n.Context.Done()
}

// TestSessionReportsTheLatestReason, and not the one of the moment it was asked.
func TestSessionReportsTheLatestReason(t *testing.T) {
	t.Parallel()
	c := amqp.NewConnector(amqp.Config{URL: "amqp://127.0.0.1:1/"}, "test", nil)
	ctx, cancel := context.WithCancelCause(t.Context())
	asking := noticed{ctx, make(chan struct{}), new(sync.Once)}
	result := make(chan error, 1)
	go func() {
		_, err := c.Session(asking)
		result <- err
	}()
	<-asking.waiting
	running, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(running) }()
	rabbit.Eventually(t, soon, func() bool {
		_, err := c.Current()
		return strings.Contains(err.Error(), "connection refused")
	}, "the connector knows what is in its way")
	late := errors.New("too late")
	cancel(late)
	if err := <-result; !errors.Is(err, amqp.ErrNotConnected) || !errors.Is(err, late) || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("Session returned %v, want ErrNotConnected, the context's cause and what is in the way", err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestSessionWaits wakes all callers that wait, and returns to none of them a session after the end.
func TestSessionWaits(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		proxy := rabbit.NewProxy(t, rabbit.URL(t))
		proxy.Cut()
		r := run(t, amqp.Config{URL: proxy.URL()}, nil)
		sessions := make(chan *amqp.Session, 5)
		for range cap(sessions) {
			go func() {
				s, err := r.Session(context.Background())
				if err != nil {
					t.Error(err)
				}
				sessions <- s
			}()
		}
		proxy.Restore(t)
		want := r.session(t)
		for range cap(sessions) {
			if s := <-sessions; s != want {
				t.Errorf("got session %p, want %p", s, want)
			}
		}
		r.stop()
		if err := r.after(t, soon); err != nil {
			t.Errorf("Run returned %v at the end of its context, want nil", err)
		}
		if _, err := r.Session(t.Context()); !errors.Is(err, amqp.ErrClosed) {
			t.Errorf("Session returned %v after the end, want ErrClosed", err)
		}
		if want.Err() == nil {
			t.Error("the session outlives the connector")
		}
	})
}

// TestWaitersReturnWhenTheSessionEnds: no caller waits for a session that cannot come.
func TestWaitersReturnWhenTheSessionEnds(t *testing.T) {
	t.Parallel()
	r := run(t, amqp.Config{URL: "amqp://127.0.0.1:1/"}, nil)
	result := make(chan error, 1)
	go func() {
		_, err := r.Session(context.Background())
		result <- err
	}()
	r.stop()
	if err := <-result; !errors.Is(err, amqp.ErrClosed) {
		t.Errorf("Session returned %v, want ErrClosed", err)
	}
	if err := r.after(t, soon); err != nil {
		t.Errorf("Run returned %v, want nil", err)
	}
}
