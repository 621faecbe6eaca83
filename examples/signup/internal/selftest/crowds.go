package selftest

import (
	"context"
	"fmt"

	"github.com/warren-mq/warren/examples/signup/internal/live"
)

// crowd is the number of sign-ups while the connection is cut. flood is the number of mails
// that a password reset overtakes.
const (
	crowd = 60
	flood = 1000
)

// cutOff checks that no mail is missing after lost connections.
func (s *story) cutOff(ctx context.Context) error {
	before := s.demo.Delivered()
	if err := s.do(ctx, live.Action{Verb: live.SignUp, Count: crowd}); err != nil {
		return err
	}
	for range 2 {
		at := s.demo.Delivered()
		if err := until(ctx, "mails go out", func() bool { return s.demo.Delivered() > at }); err != nil {
			return err
		}
		if err := s.do(ctx, live.Action{Verb: live.KillConnection}); err != nil {
			return err
		}
	}
	if err := s.idle(ctx); err != nil {
		return err
	}
	err := until(ctx, fmt.Sprintf("all mails of %d sign-ups are delivered", crowd), func() bool {
		return s.demo.Delivered() >= before+2*crowd
	})
	if err != nil {
		return err
	}
	s.logf("%d sign-ups while the connection was cut twice: %d mails for %d", crowd, s.demo.Delivered()-before, 2*crowd)
	return nil
}

// priorities checks that a password reset overtakes waiting welcome mails.
func (s *story) priorities(ctx context.Context) error {
	if err := s.do(ctx, live.Action{Verb: live.FloodAndReset, Count: flood}); err != nil {
		return err
	}
	err := until(ctx, "the mail of the password reset is delivered", func() bool {
		r := s.demo.Snapshot().Reset
		return r != nil && r.Position > 0
	})
	if err != nil {
		return err
	}
	r := s.demo.Snapshot().Reset
	s.logf("priority: with %d welcome mails waiting, the password reset was mail %d, after %v", r.Flood, r.Position, round(r.Took))
	return nil
}
