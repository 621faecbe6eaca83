package verification_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/warren-mq/warren/examples/signup/internal/event"
	"github.com/warren-mq/warren/examples/signup/internal/link"
	"github.com/warren-mq/warren/examples/signup/internal/mail"
	"github.com/warren-mq/warren/examples/signup/internal/verification"
)

func TestTheMailHasALinkThatNamesTheAccount(t *testing.T) {
	t.Parallel()
	var sent []mail.Mail
	m := verification.Mailer{Site: "https://example.com", Link: link.Signer{Secret: []byte("s")}, Send: func(_ context.Context, m mail.Mail) error {
		sent = append(sent, m)
		return nil
	}}
	e := event.SignedUp{AccountID: "1", Email: "alice@example.com", Name: "Alice", At: time.Now()}
	for range 2 {
		if err := m.Ask(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	_, token, _ := strings.Cut(strings.TrimSpace(sent[0].Text), "https://example.com/verify?token=")
	if subject, err := m.Link.Open(verification.Purpose, token); subject != "1" || err != nil {
		t.Errorf("the link is for %q, %v; want account 1", subject, err)
	}
	if !strings.Contains(sent[0].Text, "within 24 hours:") || sent[0] != sent[1] || sent[0].To != e.Email {
		t.Errorf("got %+v, want one mail twice", sent)
	}
}
