package amqp_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/rabbit"
)

// TestCredentialsAreReadAtEachDial: after the password has changed, the connection is
// back as soon as Credentials returns the new one.
func TestCredentialsAreReadAtEachDial(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		node := rabbit.Start(t)
		node.Permit(t, rabbit.User{Name: "rotor", Password: "first", Configure: ".*", Write: ".*", Read: ".*"})
		var password atomic.Value
		password.Store("first")
		r := run(t, amqp.Config{URL: node.URL(), Credentials: func(context.Context) (string, string, error) {
			return "rotor", password.Load().(string), nil //nolint:errcheck,forcetypeassert // only texts are stored
		}}, nil)
		before := r.session(t)
		node.ChangePassword(t, "rotor", "second")
		<-before.Done()
		rabbit.Eventually(t, 30*time.Second, func() bool {
			_, err := r.Current()
			return errors.Is(err, amqp.ErrRefused)
		}, "the old password is refused")
		if _, err := r.Current(); strings.Contains(err.Error(), "first") {
			t.Errorf("the error shows the password: %v", err)
		}
		password.Store("second")
		r.session(t)
	})
}

// TestTheConfigurationIsReloadedAtEachDial: a URL that changes is followed.
func TestTheConfigurationIsReloadedAtEachDial(t *testing.T) {
	rabbit.Test(t, func(t *testing.T) {
		old, next := rabbit.NewProxy(t, rabbit.URL(t)), rabbit.NewProxy(t, rabbit.URL(t))
		var current atomic.Pointer[string]
		name := old.URL()
		current.Store(&name)
		r := run(t, amqp.Config{Reload: func(context.Context) ([]string, *tls.Config, error) {
			return []string{*current.Load()}, nil, nil
		}}, nil)
		before := r.session(t)
		moved := next.URL()
		current.Store(&moved)
		old.Cut()
		<-before.Done()
		u, err := url.Parse(moved)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.session(t).Address(); got != u.Host {
			t.Errorf("connected to %s, want %s", got, u.Host)
		}
	})
}

// TestWhatCannotBeReadFailsTheAttempt and is tried again.
func TestWhatCannotBeReadFailsTheAttempt(t *testing.T) {
	t.Parallel()
	boom := errors.New("the vault is sealed")
	for name, cfg := range map[string]amqp.Config{
		"Credentials": {URL: "amqp://127.0.0.1:1/", Credentials: func(context.Context) (string, string, error) { return "", "", boom }},
		"Reload":      {Reload: func(context.Context) ([]string, *tls.Config, error) { return nil, nil, boom }},
	} {
		cfg.StartupTimeout = 300 * time.Millisecond
		err := run(t, cfg, nil).after(t, soon)
		if !errors.Is(err, boom) || !errors.Is(err, amqp.ErrNotConnected) {
			t.Errorf("%s: Run returned %v, want ErrNotConnected with the cause", name, err)
		}
	}
}
