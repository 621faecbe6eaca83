package mailbox_test

import (
	"context"
	"errors"
	"testing"

	"github.com/warren-mq/warren/examples/signup/mailbox"
)

func TestSendTellsWhatBecameOfAnAttempt(t *testing.T) {
	t.Parallel()
	stopped, stop := context.WithCancelCause(t.Context())
	gone := errors.New("gone")
	stop(gone)
	var b mailbox.Mailbox
	for _, tt := range []struct { // in this order, at one mailbox
		name    string
		ctx     context.Context
		id, to  string
		attempt int
		want    error
	}{
		{"a mail is kept", t.Context(), "1", "a@example.test", 1, nil},
		{"and comes again", t.Context(), "1", "a@example.test", 1, nil},
		{"no such recipient", t.Context(), "2", "a@bounce.test", 1, mailbox.ErrBounced},
		{"whatever the case", t.Context(), "2", "a@Bounce.TEST", 2, mailbox.ErrBounced},
		{"no address", t.Context(), "3", "", 1, mailbox.ErrBounced},
		{"the first attempt at the flaky domain", t.Context(), "4", "a@flaky.test", 1, mailbox.ErrBusy},
		{"the first, delivered again", t.Context(), "4", "a@flaky.test", 1, mailbox.ErrBusy},
		{"the first, delivered once more", t.Context(), "4", "a@flaky.test", 1, mailbox.ErrBusy},
		{"the second", t.Context(), "4", "a@flaky.test", 2, mailbox.ErrBusy},
		{"the first of another mail", t.Context(), "5", "a@flaky.test", 1, mailbox.ErrBusy},
		{"the third", t.Context(), "4", "a@flaky.test", 3, nil},
		{"the third, delivered again", t.Context(), "4", "a@flaky.test", 3, nil},
		{"a context that is done", stopped, "6", "a@example.test", 1, gone},
	} {
		err := b.Send(tt.ctx, mailbox.Mail{ID: tt.id, Attempt: tt.attempt, To: tt.to})
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, err, tt.want)
		}
	}
	for to, want := range map[string]int{"a@example.test": 1, "a@flaky.test": 1, "a@bounce.test": 0} {
		if got := len(b.To(to)); got != want {
			t.Errorf("%s has %d mails, want %d", to, got, want)
		}
	}
}
