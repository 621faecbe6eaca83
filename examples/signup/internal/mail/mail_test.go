package mail_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/warren-mq/warren/examples/signup/internal/catcher"
	"github.com/warren-mq/warren/examples/signup/internal/mail"
	"github.com/warren-mq/warren/retry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server starts a catcher and returns it with a sender to it.
func server(t *testing.T) (*catcher.Catcher, *mail.Sender) {
	t.Helper()
	c, err := catcher.Start("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
	s, err := mail.NewSender(c.URL(), "Sign-up <hello@signup.example>")
	if err != nil {
		t.Fatal(err)
	}
	return c, s
}

func to(address string) mail.Mail {
	return mail.Mail{
		ID: "welcome.1", To: address, Subject: "Grüße, Zoë", Kind: "welcome", Account: "1",
		Text: "Hello Zoë,\n\nfollow https://example.com/verify?token=" + strings.Repeat("x", 100) + "\n",
	}
}

func TestAMailArrivesAsItWasSent(t *testing.T) {
	t.Parallel()
	c, s := server(t)
	want := to("zoe@example.com")
	if err := s.Send(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	m, ok := c.Mail(1)
	if !ok || m.To != want.To || m.Subject != want.Subject || m.Text != want.Text || m.Kind != want.Kind || m.Account != want.Account {
		t.Errorf("got %+v, want %+v", m, want)
	}
	if m.MessageID != "welcome.1@signup.example" || m.From != "hello@signup.example" || len(m.Links) != 1 || !strings.HasSuffix(m.Links[0], "xxx") {
		t.Errorf("got id %q from %q with links %q", m.MessageID, m.From, m.Links)
	}
	if got := c.Inbox("ZOE@example.com", 5); len(got) != 1 || len(c.Inbox("bob@example.com", 5)) != 0 || len(c.Inbox("", 0)) != 0 {
		t.Errorf("zoe has %d mails, want 1", len(got))
	}
}

func TestABounceIsForGoodAndAServerThatIsAwayIsNot(t *testing.T) {
	t.Parallel()
	c, s := server(t)
	c.Bounce("Bob@example.com")
	err := s.Send(t.Context(), to("bob@example.com"))
	if refused, ok := errors.AsType[*mail.RefusedError](err); !ok || refused.Code != 550 || !retry.IsPermanent(err) {
		t.Errorf("a bounce: got %v, want the permanent error 550", err)
	}
	if err := s.Send(t.Context(), to("zoe@example.com")); err != nil {
		t.Errorf("another address: got %v, want nil", err)
	}
	if err := c.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := s.Send(t.Context(), to("zoe@example.com")); err == nil || retry.IsPermanent(err) {
		t.Errorf("a stopped server: got %v, want a temporary error", err)
	}
	if err := c.Fix(); err != nil {
		t.Fatal(err)
	}
	if err := s.Send(t.Context(), to("bob@example.com")); err != nil {
		t.Errorf("fixed: %v", err)
	}
}

func TestASlowServerIsWaitedForUntilTheContextEnds(t *testing.T) {
	t.Parallel()
	c, s := server(t)
	c.Slow(100 * time.Millisecond)
	start := time.Now()
	if err := s.Send(t.Context(), to("zoe@example.com")); err != nil || time.Since(start) < 100*time.Millisecond {
		t.Errorf("got %v after %v, want nil after 100ms", err, time.Since(start))
	}
	c.Slow(time.Hour)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := s.Send(ctx, to("zoe@example.com")); err == nil {
		t.Error("Send succeeded before its deadline, want an error")
	}
	if n := c.State().Accepted; n != 1 {
		t.Errorf("%d mails were accepted, want 1", n)
	}
}

func TestAStopCutsASlowMailWithoutKeepingIt(t *testing.T) {
	t.Parallel()
	c, s := server(t)
	c.Slow(time.Hour)
	sent := make(chan error, 1)
	go func() { sent <- s.Send(t.Context(), to("zoe@example.com")) }()
	for len(sent) == 0 {
		if err := errors.Join(c.Stop(), c.Resume()); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-sent; err == nil || c.State().Accepted != 0 {
		t.Errorf("got %v, and %d mails; want an error and none", err, c.State().Accepted)
	}
}

func TestASenderWantsTheURLOfAServer(t *testing.T) {
	t.Parallel()
	for _, server := range []string{
		"", "localhost:25", "http://localhost", "smtp://", "smtp://user:secret@ho st", "smtp://user:secret@host:99999",
		"smtp://user@host", "smtp://:secret@host", "smtp://host/secret",
	} {
		if _, err := mail.NewSender(server, "a@example.com"); err == nil || !strings.HasPrefix(err.Error(), "mail: ") || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q gives %v, want an error without the password", server, err)
		}
	}
	for _, server := range []string{"smtp://localhost", "smtp://localhost:25/", "smtps://user:secret@localhost:465"} {
		if _, err := mail.NewSender(server, "a@example.com"); err != nil {
			t.Errorf("%q gives %v", server, err)
		}
	}
}
