// Package selftest tells the story of the sign-up without a person: it does what a
// visitor and the buttons of the live page do, and looks at what comes of it.
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

// story is a self-test that is being told.
type story struct {
	demo   *demo.Demo
	client *http.Client
	out    *log.Logger
	run    string // is in all addresses: those of an earlier one may have accounts
}

func (s *story) address(name string) string { return name + "." + s.run + "@example.com" }

// Run tells the story of d, which must be running, to out. An error says what was not
// as it should be.
func Run(ctx context.Context, d *demo.Demo, out *log.Logger) error {
	s := &story{d, &http.Client{Transport: &http.Transport{}}, out, strings.ToLower(rand.Text()[:8])} // no proxy between us
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

func (s *story) sayf(format string, args ...any) { s.out.Printf("ok  "+format, args...) }

// until waits until ok, or says that it never was.
func until(ctx context.Context, what string, ok func() bool) error {
	for !ok() {
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("waited for this in vain: %s: %w", what, context.Cause(ctx))
		}
	}
	return nil
}

// ready waits until all queues are worked on.
func (s *story) ready(ctx context.Context) error {
	return until(ctx, "every queue is worked on", s.demo.Ready)
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

// do presses a button.
func (s *story) do(ctx context.Context, a live.Action) error {
	_, err := s.demo.Do(ctx, a)
	return err
}

// idle waits until what a button began has ended.
func (s *story) idle(ctx context.Context) error {
	return until(ctx, "nothing goes on", func() bool { return !s.demo.Busy() })
}
