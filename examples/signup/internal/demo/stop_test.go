package demo_test

import (
	"strings"
	"testing"
	"time"

	"github.com/warren-mq/warren/examples/signup/internal/live"
	"github.com/warren-mq/warren/internal/rabbit"
)

func TestACrowdCanBeStoppedAndItsFailuresAreReported(t *testing.T) {
	d := start(t)
	do := func(a live.Action) {
		t.Helper()
		if _, err := d.Do(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	ended := func(what string, parts ...string) {
		t.Helper()
		rabbit.Eventually(t, time.Minute, func() bool { return !d.Busy() }, what)
		for _, part := range parts {
			if s := d.Snapshot(); !strings.Contains(s.Ended, part) {
				t.Errorf("%s: %q, want %q in it", what, s.Ended, part)
			}
		}
	}
	do(live.Action{Verb: live.StopMail})
	if mode := d.Snapshot().MailServer.Mode; mode != live.MailStopped {
		t.Errorf("immediately after the button the mail server is %s", mode)
	}
	do(live.Action{Verb: live.SignUpSync, Count: 1})
	ended("the sign-up by the old way has ended", "Signed up 0 of 1 person", "503")

	do(live.Action{Verb: live.SignUp, Count: 10_000})
	rabbit.Eventually(t, time.Minute, func() bool { return strings.Contains(d.Snapshot().Doing, " of 10,000.") }, "the crowd signs up")
	do(live.Action{Verb: live.Cancel})
	ended("the crowd is stopped", "Signed up ", " of 10,000 people, and was stopped.")
}
