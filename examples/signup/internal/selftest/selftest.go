// Package selftest tests the running demo without a browser: it does what a visitor and the
// buttons of the live page do, and checks the results.
package selftest

import (
	"context"
	"crypto/rand"
	"fmt"
	"log"
	"net/http"
	"strings"
	"time"

	"github.com/warren-mq/warren/examples/signup/internal/demo"
	"github.com/warren-mq/warren/examples/signup/internal/live"
)

// story is a running self-test.
type story struct {
	demo   *demo.Demo
	client *http.Client
	out    *log.Logger
	run    string // part of all addresses, since the addresses of an earlier run may have accounts
}

func (s *story) address(name string) string { return name + "." + s.run + "@example.com" }

// Run tests d, which must be running, and writes a line to out for each step. It returns an
// error about the first step that failed.
func Run(ctx context.Context, d *demo.Demo, out *log.Logger) error {
	s := &story{d, &http.Client{Transport: &http.Transport{}}, out, strings.ToLower(rand.Text()[:8])} // without the environment's proxy
	defer s.client.CloseIdleConnections()
	for _, chapter := range []func(context.Context) error{
		s.ready, s.fanOut, s.bothWays, s.deadLetters, s.bounce, s.cutOff, s.priorities,
	} {
		if err := chapter(ctx); err != nil {
			return fmt.Errorf("self-test: %w", err)
		}
	}
	return nil
}

func (s *story) logf(format string, args ...any) { s.out.Printf("ok  "+format, args...) }

// until waits until ok returns true. It returns an error if ctx is done first.
func until(ctx context.Context, what string, ok func() bool) error {
	for !ok() {
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("waiting until %s: %w", what, context.Cause(ctx))
		}
	}
	return nil
}

// ready waits until every queue has its consumer.
func (s *story) ready(ctx context.Context) error {
	return until(ctx, "every queue has its consumer", s.demo.Ready)
}

// mails waits until the address has n mails.
func (s *story) mails(ctx context.Context, address string, n int) ([]live.Mail, error) {
	err := until(ctx, fmt.Sprintf("%s has %d mails", address, n), func() bool { return len(s.demo.Inbox(address, n+1)) >= n })
	got := s.demo.Inbox(address, n+1)
	if err == nil && len(got) > n {
		err = fmt.Errorf("%s has more than %d mails: %+v", address, n, got)
	}
	return got, err
}

// do runs the action of a button.
func (s *story) do(ctx context.Context, a live.Action) error {
	_, err := s.demo.Do(ctx, a)
	return err
}

// idle waits until the running action has ended.
func (s *story) idle(ctx context.Context) error {
	return until(ctx, "no action is running", func() bool { return !s.demo.Busy() })
}
