// Package welcome greets who signed up.
package welcome

import (
	"context"
	"errors"

	"github.com/warren-mq/warren/examples/signup/event"
	"github.com/warren-mq/warren/examples/signup/mailbox"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
)

// Queue is the name of the queue this package works on.
const Queue = "welcome-email"

// Handler returns a function that sends the welcome mail: one to each account,
// however often its event is delivered.
func Handler(send func(context.Context, mailbox.Mail) error) func(context.Context, event.User) error {
	return func(ctx context.Context, u event.User) error {
		err := send(ctx, mailbox.Mail{
			ID:      "welcome/" + u.ID,
			Attempt: message.FromContext(ctx).Attempt,
			To:      u.Email,
			Subject: "Welcome!",
			Text:    "Hello " + u.Name + ", good to have you here.",
		})
		if errors.Is(err, mailbox.ErrBounced) {
			return retry.Permanent(err)
		}
		return err
	}
}
