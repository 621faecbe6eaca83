package welcome_test

import (
	"context"
	"errors"
	"testing"

	"github.com/warren-mq/warren/examples/signup/event"
	"github.com/warren-mq/warren/examples/signup/mailbox"
	"github.com/warren-mq/warren/examples/signup/welcome"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
)

// A handler is called as the function it is: no worker, no broker.
func TestAnAccountIsWelcomedOnceHoweverOftenItsEventComes(t *testing.T) {
	t.Parallel()
	var box mailbox.Mailbox
	handle := welcome.Handler(box.Send)
	for range 2 {
		if err := handle(t.Context(), event.User{ID: "1", Email: "alice@example.test", Name: "Alice"}); err != nil {
			t.Fatal(err)
		}
	}
	mails := box.To("alice@example.test")
	if len(mails) != 1 || mails[0].Text != "Hello Alice, good to have you here." {
		t.Errorf("alice has %+v, want one welcome", mails)
	}
}

func TestABounceIsPermanentAndABusyServerIsNot(t *testing.T) {
	t.Parallel()
	var box mailbox.Mailbox
	handle := welcome.Handler(box.Send)
	ctx := message.NewContext(context.Background(), &message.Message{Attempt: 1})
	for _, tt := range []struct {
		name, email string
		want        error
		permanent   bool
	}{
		{"bounced", "bob@bounce.test", mailbox.ErrBounced, true},
		{"busy", "fred@flaky.test", mailbox.ErrBusy, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := handle(ctx, event.User{ID: tt.name, Email: tt.email})
			if !errors.Is(err, tt.want) || retry.IsPermanent(err) != tt.permanent {
				t.Errorf("got %v, permanent %v; want %v, permanent %v", err, retry.IsPermanent(err), tt.want, tt.permanent)
			}
		})
	}
}
