// Package welcome writes to people: a welcome to new accounts, a hint to owners whose
// address signs up again, and the way to a new password. It knows nothing of queues.
package welcome

import (
	"context"
	"fmt"
	"time"

	"github.com/warren-mq/warren/examples/signup/internal/event"
	"github.com/warren-mq/warren/examples/signup/internal/link"
	"github.com/warren-mq/warren/examples/signup/internal/mail"
)

// Kinds of mails.
const (
	Kind      = "welcome"
	KnownKind = "known address"
	ResetKind = "password reset"
)

// ResetPurpose is what the token in a mail to reset a password is good for, and
// ResetFor how long.
const (
	ResetPurpose = "reset"
	ResetFor     = 30 * time.Minute
)

// Mailer sends the mails.
type Mailer struct {
	Send func(context.Context, mail.Mail) error
	Link link.Signer
	Site string // where the links lead, such as https://example.com
}

// Welcome greets who signed up.
func (m *Mailer) Welcome(ctx context.Context, e event.SignedUp) error {
	return m.Send(ctx, mail.Mail{
		ID: "welcome." + e.AccountID, To: e.Email, Kind: Kind, Account: e.AccountID,
		Subject: "Welcome, " + e.Name,
		Text:    fmt.Sprintf("Hello %s,\n\ngood to have you here.\n\n%s\n", e.Name, m.Site),
	})
}

// Known tells the owner of an account that somebody has signed up with its address: the
// answer to the sign-up must not.
func (m *Mailer) Known(ctx context.Context, e event.SignUpKnown) error {
	return m.Send(ctx, mail.Mail{
		ID: "known." + e.ID, To: e.Email, Kind: KnownKind, Account: e.ID,
		Subject: "You already have an account",
		Text: fmt.Sprintf("Hello %s,\n\nsomebody has signed up with your address, and you already have an account.\n"+
			"If you forgot the password, reset it here:\n\n%s/reset\n\nIf it was not you, do nothing: nothing was changed.\n", e.Name, m.Site),
	})
}

// ResetPassword sends the link to a page that sets a new password, if there is
// somebody to send it to.
func (m *Mailer) ResetPassword(ctx context.Context, e event.PasswordReset) error {
	if e.AccountID == "" {
		return nil
	}
	token := m.Link.Sign(ResetPurpose, e.AccountID+"."+e.Stamp, e.At.Add(ResetFor))
	return m.Send(ctx, mail.Mail{
		ID: "reset." + e.ID, To: e.Email, Kind: ResetKind, Account: e.AccountID,
		Subject: "A new password",
		Text: fmt.Sprintf("Hello %s,\n\nset a new password here within %.0f minutes:\n\n%s/reset/confirm?token=%s\n\nIf you did not ask for this, do nothing.\n",
			e.Name, ResetFor.Minutes(), m.Site, token),
	})
}
