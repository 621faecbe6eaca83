// Package verification asks the owner of an address to confirm it.
package verification

import (
	"context"
	"errors"

	"github.com/warren-mq/warren/examples/signup/event"
	"github.com/warren-mq/warren/examples/signup/mailbox"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
)

// Queue is the name of the queue this package works on.
const Queue = "verification-email"

// Handler returns a function that sends the verification mail: one for each event,
// however often that is delivered.
func Handler(send func(context.Context, mailbox.Mail) error) func(context.Context, event.User) error {
	return func(ctx context.Context, u event.User) error {
		m := message.FromContext(ctx)
		err := send(ctx, mailbox.Mail{
			ID:      "verification/" + u.ID + "/" + m.ID,
			Attempt: m.Attempt,
			To:      u.Email,
			Subject: "Is this your address?",
			Text:    "Hello " + u.Name + ", please confirm that " + u.Email + " is yours.",
		})
		if errors.Is(err, mailbox.ErrBounced) {
			return retry.Permanent(err)
		}
		return err
	}
}
