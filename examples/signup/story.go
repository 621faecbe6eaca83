package main

import (
	"context"
	"fmt"
	"time"

	"github.com/warren-mq/warren/examples/signup/account"
	"github.com/warren-mq/warren/examples/signup/analytics"
	"github.com/warren-mq/warren/examples/signup/event"
	"github.com/warren-mq/warren/examples/signup/verification"
	"github.com/warren-mq/warren/examples/signup/welcome"
)

func (s *story) fanOut(ctx context.Context) error {
	start := time.Now()
	id, err := s.signUp(ctx, "alice@example.test")
	if err != nil {
		return err
	}
	for _, queue := range []string{welcome.Queue, verification.Queue, analytics.Queue} {
		if _, err := s.done(ctx, id, queue, event.SignedUp); err != nil {
			return err
		}
	}
	s.stepf("fan-out: one event, and welcome, verification and analytics are done %v after the request began", since(start))
	return s.visitor.see(ctx, id)
}

func (s *story) urgent(ctx context.Context) error {
	id, took, err := s.visitor.post(ctx, "/verify/resend", "alice@example.test")
	if err != nil {
		return err
	}
	if _, err := s.done(ctx, id, verification.Queue, event.VerificationRequested); err != nil {
		return err
	}
	if n := len(s.mailbox.To("alice@example.test")); n != 3 {
		return fmt.Errorf("alice has %d mails, want a welcome and two verifications", n)
	}
	s.stepf("urgent: a second verification mail, accepted in %.1f ms, is there", took)
	return nil
}

func (s *story) retries(ctx context.Context) error {
	start := time.Now()
	id, err := s.signUp(ctx, "fred@flaky.test")
	if err != nil {
		return err
	}
	for _, queue := range []string{verification.Queue, welcome.Queue} { // the one with the shorter pauses first
		switch attempt, err := s.done(ctx, id, queue, event.SignedUp); {
		case err != nil:
			return err
		case attempt != 3:
			return fmt.Errorf("%s succeeded on attempt %d, want 3", queue, attempt)
		}
		s.stepf("retry: %s succeeded on attempt 3, %v after the request began", queue, since(start))
	}
	return nil
}

func (s *story) deadLetters(ctx context.Context) error {
	id, err := s.signUp(ctx, "bob@bounce.test")
	if err != nil {
		return err
	}
	for _, queue := range []string{welcome.Queue, verification.Queue} {
		if _, err := s.accounts.Wait(ctx, id, func(a account.Account) bool { return a.Dead(queue) }); err != nil {
			return err
		}
		if err := s.findDead(ctx, queue, id); err != nil {
			return err
		}
	}
	if _, err := s.done(ctx, id, analytics.Queue, event.SignedUp); err != nil {
		return err
	}
	if n := s.counter.Of(event.SignedUp); n != 3 {
		return fmt.Errorf("analytics counted %d sign-ups, want 3", n)
	}
	s.stepf("analytics: 3 sign-ups counted, whatever became of their mails")
	return nil
}

// done waits until queue has handled the event of the account, and returns the
// attempt in which it did.
func (s *story) done(ctx context.Context, id, queue, key string) (attempt int, err error) {
	a, err := s.accounts.Wait(ctx, id, func(a account.Account) bool { return a.Done(queue, key) > 0 })
	return a.Done(queue, key), err
}
