// Package verification asks the owner of an address to confirm it.
package verification

import (
	"context"
	"fmt"
	"time"

	"github.com/warren-mq/warren/examples/signup/internal/event"
	"github.com/warren-mq/warren/examples/signup/internal/link"
	"github.com/warren-mq/warren/examples/signup/internal/mail"
)

// Kind is the kind of the mail.
const Kind = "verification"

// Purpose is the purpose of the token in the mail, and GoodFor its lifetime.
const (
	Purpose = "verify"
	GoodFor = 24 * time.Hour
)

// Mailer sends the mails.
type Mailer struct {
	Send func(context.Context, mail.Mail) error
	Link link.Signer
	Site string // the URL that the links begin with, such as https://example.com
}

// Ask sends the link that confirms the address.
func (m *Mailer) Ask(ctx context.Context, e event.SignedUp) error {
	token := m.Link.Sign(Purpose, e.AccountID, e.At.Add(GoodFor))
	return m.Send(ctx, mail.Mail{
		ID: "verification." + e.AccountID, To: e.Email, Kind: Kind, Account: e.AccountID,
		Subject: "Is this your address?",
		Text: fmt.Sprintf("Hello %s,\n\nplease confirm that %s is yours, within %.0f hours:\n\n%s/verify?token=%s\n",
			e.Name, e.Email, GoodFor.Hours(), m.Site, token),
	})
}
