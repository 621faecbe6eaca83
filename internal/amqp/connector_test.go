package amqp_test

import (
	"context"
	"errors"
	"net"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/retry"
)

// soon is far more than anything here takes, and less than waiting for a timeout.
const soon = 4 * time.Second

// running is a connector that runs until the test ends.
type running struct {
	*amqp.Connector

	stop   context.CancelFunc
	result <-chan error
}

// reaching has cfg reach the tests' broker, unless it dials in its own way.
func reaching(cfg amqp.Config) amqp.Config {
	if cfg.Dial == nil {
		cfg.Dial = rabbit.Dial
	}
	return cfg
}

func run(t *testing.T, cfg amqp.Config, onChange func(*amqp.Session, error)) running {
	t.Helper()
	if cfg.Backoff == (retry.Policy{}) {
		cfg.Backoff = retry.Policy{InitialInterval: 20 * time.Millisecond, MaxInterval: 100 * time.Millisecond}
	}
	ctx, stop := context.WithCancel(context.Background())
	c := amqp.NewConnector(reaching(cfg), "test", onChange)
	result := make(chan error, 1)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		result <- c.Run(ctx)
	}()
	t.Cleanup(func() {
		stop()
		<-ended
	})
	return running{c, stop, result}
}

func (r running) session(t *testing.T) *amqp.Session {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	s, err := r.Session(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// after is what Run returned, which must be there soon.
func (r running) after(t *testing.T, limit time.Duration) error {
	t.Helper()
	select {
	case err := <-r.result:
		return err
	case <-time.After(limit):
		t.Fatalf("Run is still there after %v", limit)
		return nil
	}
}

// TestStartIsBounded: the start-up time holds whatever stands in the way, and the
// error names it.
func TestStartIsBounded(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, url, cause string
	}{
		{"the port is closed", "amqp://127.0.0.1:1/", "connection refused"},
		{"the host has no address", "amqp://no-such-host.invalid/", "no-such-host.invalid"},
		{"a listener that says nothing", silent(t), "timeout"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := run(t, amqp.Config{URL: tt.url, StartupTimeout: 300 * time.Millisecond}, nil).after(t, soon)
			if !errors.Is(err, amqp.ErrNotConnected) {
				t.Fatalf("Run returned %v, want ErrNotConnected", err)
			}
			for _, part := range []string{"300ms", tt.cause, strings.TrimSuffix(tt.url, "/")} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("Run returned %v, want one with %q", err, part)
				}
			}
		})
	}
}

// TestTheEndOfTheStartupTimeHidesNoCause: an attempt that the end of the time cuts short
// may learn of it before the context does.
func TestTheEndOfTheStartupTimeHidesNoCause(t *testing.T) {
	t.Parallel()
	for range 50 {
		synctest.Test(t, func(t *testing.T) {
			attempts := 0
			dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
				if attempts++; attempts == 1 {
					return nil, syscall.ECONNREFUSED
				}
				end, _ := ctx.Deadline()
				time.Sleep(time.Until(end))
				return nil, os.ErrDeadlineExceeded
			}
			err := run(t, amqp.Config{URL: "amqp://localhost/", StartupTimeout: time.Second, Dial: dial}, nil).after(t, soon)
			if !errors.Is(err, syscall.ECONNREFUSED) {
				t.Fatalf("Run returned %v, want one with connection refused", err)
			}
		})
	}
}

// TestBrokerStartsLater: within the start-up time a broker may still come.
func TestBrokerStartsLater(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		proxy := rabbit.NewProxy(t, rabbit.URL(t))
		proxy.Cut()
		r := run(t, amqp.Config{URL: proxy.URL(), StartupTimeout: time.Minute}, nil)
		rabbit.Eventually(t, soon, func() bool {
			_, err := r.Current()
			return err != nil && strings.Contains(err.Error(), "connection refused")
		}, "the connector says what is in its way")
		proxy.Restore(t)
		if s := r.session(t); s.Err() != nil || s.BrokerVersion() == "" {
			t.Errorf("the session has ended (%v), or knows no broker's version (%q)", s.Err(), s.BrokerVersion())
		}
	})
}

// TestRefusalEndsTheStart at once, named as such and without the password.
func TestRefusalEndsTheStart(t *testing.T) {
	rabbit.Waits(t, "refusals of 3 seconds each")
	t.Parallel()
	tests := []struct{ name, user, password, vhost, want string }{
		{"a wrong password", "guest", "wr0ngpw", "", `user "guest"`},
		{"an unknown user", "nobody", "wr0ngpw", "", `user "nobody"`},
		{"a password of odd characters", "guest", `p@ss:w/ör?d#[%41]"'`, "", `user "guest"`},
		{"an empty password", "guest", "", "", `user "guest"`},
		{"a missing virtual host", "guest", "guest", "no-such-vhost", `virtual host "no-such-vhost"`},
	}
	for _, tt := range tests {
		rabbit.Run(t, tt.name, func(t *testing.T) {
			u, err := url.Parse(rabbit.URL(t))
			if err != nil {
				t.Fatal(err)
			}
			u.User, u.Path = url.UserPassword(tt.user, tt.password), "/"+tt.vhost
			err = run(t, amqp.Config{URL: u.String(), StartupTimeout: time.Minute}, nil).after(t, 20*time.Second)
			if !errors.Is(err, amqp.ErrRefused) || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("Run returned %v, want ErrRefused with %s", err, tt.want)
			}
			_, escaped, _ := strings.Cut(u.User.String(), ":")
			for _, secret := range []string{tt.password, escaped} {
				if len(secret) > 0 && secret != "guest" && strings.Contains(err.Error(), secret) {
					t.Errorf("the error shows the password: %v", err)
				}
			}
		})
	}
}

// TestWrongConfigurationEndsTheStart before anything is dialled.
func TestWrongConfigurationEndsTheStart(t *testing.T) {
	t.Parallel()
	r := run(t, amqp.Config{URL: "amqp://user:50%@host/", Dial: func(context.Context, string, string) (net.Conn, error) {
		t.Error("something was dialled")
		return nil, net.ErrClosed
	}}, nil)
	if err := r.after(t, soon); err == nil || !strings.Contains(err.Error(), "%-escape") {
		t.Errorf("Run returned %v, want the fault", err)
	}
	if _, err := r.Session(t.Context()); err == nil || !strings.Contains(err.Error(), "%-escape") {
		t.Errorf("Session returned %v, want the fault", err)
	}
}
