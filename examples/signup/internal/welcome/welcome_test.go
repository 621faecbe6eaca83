package welcome_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/warren-mq/warren/examples/signup/internal/event"
	"github.com/warren-mq/warren/examples/signup/internal/link"
	"github.com/warren-mq/warren/examples/signup/internal/mail"
	"github.com/warren-mq/warren/examples/signup/internal/welcome"
)

// The handlers are plain functions, so the test needs neither a worker nor a broker.
func TestAMailIsTheSameHoweverOftenItIsSent(t *testing.T) {
	t.Parallel()
	var sent []mail.Mail
	m := welcome.Mailer{Site: "https://example.com", Send: func(_ context.Context, m mail.Mail) error {
		sent = append(sent, m)
		return nil
	}}
	e := event.SignedUp{AccountID: "1", Email: "alice@example.com", Name: "Alice"}
	for range 2 {
		if err := m.Welcome(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	if sent[0] != sent[1] || sent[0].To != e.Email || !strings.Contains(sent[0].Text, "Hello Alice") {
		t.Errorf("got %+v, want one welcome twice", sent)
	}
	for range 2 {
		if err := m.Known(t.Context(), event.SignUpKnown{ID: "2", Email: e.Email, Name: e.Name}); err != nil {
			t.Fatal(err)
		}
	}
	if sent[2] != sent[3] || sent[2].ID == sent[0].ID || sent[2].To != e.Email || !strings.Contains(sent[2].Text, "already have an account") ||
		!strings.Contains(sent[2].Text, "https://example.com/reset\n") {
		t.Errorf("got %+v, want the same notice with the link to /reset twice", sent[2:])
	}
}

func TestAPasswordLinkNamesItsAccountAndExpires(t *testing.T) {
	t.Parallel()
	now := time.Now()
	var text string
	m := welcome.Mailer{Site: "https://example.com", Link: link.Signer{Secret: []byte("s")}, Send: func(_ context.Context, m mail.Mail) error {
		text = m.Text
		return nil
	}}
	if err := m.ResetPassword(t.Context(), event.PasswordReset{ID: "r", AccountID: "1", Stamp: "abc", At: now}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text, "within 30 minutes:") {
		t.Errorf("got %q, want the lifetime of the link", text)
	}
	_, token, _ := strings.Cut(text, "https://example.com/reset/confirm?token=")
	token, _, _ = strings.Cut(token, "\n")
	if subject, err := m.Link.Open(welcome.ResetPurpose, token); subject != "1.abc" || err != nil {
		t.Errorf("the link is for %q, %v; want 1.abc", subject, err)
	}
	late := link.Signer{Secret: []byte("s"), Now: func() time.Time { return now.Add(welcome.ResetFor + time.Second) }}
	if _, err := late.Open(welcome.ResetPurpose, token); !errors.Is(err, link.ErrExpired) {
		t.Errorf("afterwards: %v, want %v", err, link.ErrExpired)
	}
}

func TestAResetOfAnUnknownAddressSendsNoMail(t *testing.T) {
	t.Parallel()
	m := welcome.Mailer{Send: func(_ context.Context, m mail.Mail) error {
		t.Errorf("got %+v, want no mail", m)
		return nil
	}}
	if err := m.ResetPassword(t.Context(), event.PasswordReset{ID: "r", Stamp: "abc", At: time.Now()}); err != nil {
		t.Error(err)
	}
}

func TestTheAnswerOfTheMailServerIsReturned(t *testing.T) {
	t.Parallel()
	refused := &mail.RefusedError{Code: 550, Err: errors.New("no such mailbox")}
	m := welcome.Mailer{Send: func(context.Context, mail.Mail) error { return refused }}
	if err := m.Welcome(t.Context(), event.SignedUp{}); !errors.Is(err, refused) {
		t.Errorf("got %v, want %v", err, refused)
	}
}
