// Package welcome sends mails: a welcome to new accounts, a notice to owners whose address
// signs up again, and a link to set a new password. It does not depend on queues.
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

// ResetPurpose is the purpose of the token in a mail to reset a password, and ResetFor its
// lifetime.
const (
	ResetPurpose = "reset"
	ResetFor     = 30 * time.Minute
)

// Mailer sends the mails.
type Mailer struct {
	Send func(context.Context, mail.Mail) error
	Link link.Signer
	Site string // the URL that the links begin with, such as https://example.com
}

// Welcome sends the welcome mail to a new account.
func (m *Mailer) Welcome(ctx context.Context, e event.SignedUp) error {
	return m.Send(ctx, mail.Mail{
		ID: "welcome." + e.AccountID, To: e.Email, Kind: Kind, Account: e.AccountID,
		Subject: "Welcome, " + e.Name,
		Text:    fmt.Sprintf("Hello %s,\n\ngood to have you here.\n\n%s\n", e.Name, m.Site),
	})
}

// Known sends a notice to the owner of an account that somebody has signed up with its address.
// The answer to the sign-up must not reveal that.
func (m *Mailer) Known(ctx context.Context, e event.SignUpKnown) error {
	return m.Send(ctx, mail.Mail{
		ID: "known." + e.ID, To: e.Email, Kind: KnownKind, Account: e.ID,
		Subject: "You already have an account",
		Text: fmt.Sprintf("Hello %s,\n\nsomebody has signed up with your address, and you already have an account.\n"+
			"If you forgot the password, reset it here:\n\n%s/reset\n\nIf it was not you, you can ignore this mail: your account is unchanged.\n", e.Name, m.Site),
	})
}

// ResetPassword sends the link to the page that sets a new password. It does nothing if
// AccountID is empty, since the address has no account.
func (m *Mailer) ResetPassword(ctx context.Context, e event.PasswordReset) error {
	if e.AccountID == "" {
		return nil
	}
	token := m.Link.Sign(ResetPurpose, e.AccountID+"."+e.Stamp, e.At.Add(ResetFor))
	return m.Send(ctx, mail.Mail{
		ID: "reset." + e.ID, To: e.Email, Kind: ResetKind, Account: e.AccountID,
		Subject: "A new password",
		Text: fmt.Sprintf("Hello %s,\n\nset a new password here within %.0f minutes:\n\n%s/reset/confirm?token=%s\n\nIf you did not ask for this, you can ignore this mail.\n",
			e.Name, ResetFor.Minutes(), m.Site, token),
	})
}
