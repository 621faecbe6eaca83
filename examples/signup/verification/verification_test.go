package verification_test

import (
	"context"
	"errors"
	"testing"

	"github.com/warren-mq/warren/examples/signup/event"
	"github.com/warren-mq/warren/examples/signup/mailbox"
	"github.com/warren-mq/warren/examples/signup/verification"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
)

func TestEachEventIsOneMailHoweverOftenItComes(t *testing.T) {
	t.Parallel()
	var box mailbox.Mailbox
	handle := verification.Handler(box.Send)
	for _, id := range []string{"signed-up", "signed-up", "requested", "requested"} {
		ctx := message.NewContext(t.Context(), &message.Message{ID: id, Attempt: 1})
		if err := handle(ctx, event.User{ID: "1", Email: "alice@example.test", Name: "Alice"}); err != nil {
			t.Fatal(err)
		}
	}
	if mails := box.To("alice@example.test"); len(mails) != 2 {
		t.Errorf("alice has %d mails, want one for each of two events: %+v", len(mails), mails)
	}
}

func TestABounceIsPermanent(t *testing.T) {
	t.Parallel()
	var box mailbox.Mailbox
	err := verification.Handler(box.Send)(context.Background(), event.User{ID: "1", Email: "bob@bounce.test"})
	if !errors.Is(err, mailbox.ErrBounced) || !retry.IsPermanent(err) {
		t.Errorf("got %v, want a permanent %v", err, mailbox.ErrBounced)
	}
}
