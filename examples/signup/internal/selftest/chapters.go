package selftest

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/warren-mq/warren/examples/signup/internal/live"
)

// fanOut checks that all four workers handle the one event of a sign-up.
func (s *story) fanOut(ctx context.Context) error {
	start := time.Now()
	id, took, err := s.signUp(ctx, live.PostSignUp, s.address("alice"))
	if err != nil {
		return err
	}
	mails, err := s.mails(ctx, s.address("alice"), 2)
	if err != nil {
		return err
	}
	if err := s.state(ctx, id, live.Done); err != nil {
		return err
	}
	s.logf("fan-out: the answer took %v; after %v all four workers were done", round(took), round(time.Since(start)))
	if err := s.follow(ctx, mails, "verification"); err != nil {
		return err
	}
	s.logf("verification link works")
	return s.known(ctx)
}

// known checks that a sign-up with the address of an account gets the same answer, and that
// the owner gets a mail.
func (s *story) known(ctx context.Context) error {
	id, _, err := s.signUp(ctx, live.PostSignUp, strings.ToUpper(s.address("alice")))
	if err != nil {
		return err
	}
	mails, err := s.mails(ctx, s.address("alice"), 3)
	if err != nil {
		return err
	}
	if err := s.follow(ctx, mails, "known address"); err != nil {
		return err
	}
	s.logf("an address with an account: the same answer, and a mail to its owner")
	return s.state(ctx, id, live.Done)
}

// bothWays compares both ways to sign up while the mail server is slow.
func (s *story) bothWays(ctx context.Context) error {
	if err := s.do(ctx, live.Action{Verb: live.SlowMail}); err != nil {
		return err
	}
	_, asynchronous, err := s.signUp(ctx, live.PostSignUp, s.address("bob"))
	if err != nil {
		return err
	}
	_, synchronous, err := s.signUp(ctx, live.PostSignUpSync, s.address("carol"))
	if err != nil {
		return err
	}
	if synchronous < 2*time.Second || asynchronous > synchronous/4 {
		return fmt.Errorf("the answer took %v, and %v the old way; want at least 2s the old way, and at most a quarter of it the new way", asynchronous, synchronous)
	}
	s.logf("a mail server that takes 2s: the answer took %v, and %v the old way", round(asynchronous), round(synchronous))
	if _, err := s.mails(ctx, s.address("bob"), 2); err != nil {
		return err
	}
	return s.do(ctx, live.Action{Verb: live.FixMail})
}

// deadLetters checks retries, dead letters and their replay.
func (s *story) deadLetters(ctx context.Context) error {
	if err := s.do(ctx, live.Action{Verb: live.StopMail}); err != nil {
		return err
	}
	id, took, err := s.signUp(ctx, live.PostSignUp, s.address("dave"))
	if err != nil {
		return err
	}
	start := time.Now()
	if err := s.state(ctx, id, live.Retrying); err != nil {
		return err
	}
	if err := s.dead(ctx, id); err != nil {
		return err
	}
	s.logf("mail server stopped: the answer took %v; both mails are dead letters after four attempts in %v", round(took), round(time.Since(start)))
	if err := s.do(ctx, live.Action{Verb: live.FixMail}); err != nil {
		return err
	}
	if err := s.do(ctx, live.Action{Verb: live.Replay}); err != nil {
		return err
	}
	if _, err := s.mails(ctx, s.address("dave"), 2); err != nil {
		return err
	}
	s.logf("mail server fixed and dead letters replayed: both mails arrived")
	return s.idle(ctx)
}

// bounce checks that a bounced mail is dead-lettered without a retry.
func (s *story) bounce(ctx context.Context) error {
	if err := s.do(ctx, live.Action{Verb: live.Bounce, Address: s.address("erin")}); err != nil {
		return err
	}
	id, _, err := s.signUp(ctx, live.PostSignUp, s.address("erin"))
	if err != nil {
		return err
	}
	if err := s.dead(ctx, id); err != nil {
		return err
	}
	j, _ := s.demo.Journey(id)
	for _, step := range j.Steps {
		if step.Attempt > 1 {
			return fmt.Errorf("a mail that bounced was retried: %+v", step)
		}
	}
	s.logf("a bounce is a dead letter at the first attempt")
	return s.do(ctx, live.Action{Verb: live.FixMail})
}

// state waits until a sign-up has the state want.
func (s *story) state(ctx context.Context, id string, want live.State) error {
	return until(ctx, fmt.Sprintf("the sign-up is %s", want), func() bool {
		j, ok := s.demo.Journey(id)
		return ok && j.State == want
	})
}

// dead waits until both mails of a sign-up are dead letters.
func (s *story) dead(ctx context.Context, id string) error {
	return until(ctx, "both mails are dead letters", func() bool {
		j, _ := s.demo.Journey(id)
		dead := 0
		for _, step := range j.Steps {
			if step.State == live.Dead {
				dead++
			}
		}
		return dead == 2
	})
}

func round(d time.Duration) time.Duration { return d.Round(100 * time.Microsecond) }
