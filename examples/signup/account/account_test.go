package account_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/warren-mq/warren/examples/signup/account"
)

func alice(t *testing.T) account.Account {
	t.Helper()
	a, err := account.New("alice@example.test", " Alice ")
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestOfManyAtOnceOneGetsTheAddress(t *testing.T) {
	t.Parallel()
	s := account.NewStore()
	var wg sync.WaitGroup
	added := make(chan string, 50)
	for range 50 {
		a := alice(t)
		wg.Go(func() {
			if err := s.Add(a); err == nil {
				added <- a.ID
			} else if !errors.Is(err, account.ErrExists) {
				t.Errorf("got %v, want %v", err, account.ErrExists)
			}
		})
	}
	wg.Wait()
	if len(added) != 1 {
		t.Fatalf("%d got the address, want 1", len(added))
	}
	s.Remove(<-added)
	if err := s.Add(alice(t)); err != nil {
		t.Errorf("the address is not free again: %v", err)
	}
}

func TestWaitReturnsWhenTheStepIsNoted(t *testing.T) {
	t.Parallel()
	s, a := account.NewStore(), alice(t)
	if err := s.Add(a); err != nil {
		t.Fatal(err)
	}
	go func() {
		s.Note("nobody", account.Step{})
		s.Note(a.ID, account.Step{Queue: "q", Event: "e", Attempt: 1, Outcome: "retry"})
		s.Note(a.ID, account.Step{Queue: "q", Event: "e", Attempt: 2, Outcome: "ack"})
		s.Note(a.ID, account.Step{Queue: "r", Event: "e", Attempt: 1, Outcome: "dead-letter"})
	}()
	a, err := s.Wait(t.Context(), a.ID, func(a account.Account) bool { return a.Dead("r") })
	if err != nil || a.Done("q", "e") != 2 || a.Dead("q") {
		t.Errorf("got %+v, %v; want q done on attempt 2 and r dead", a.Work, err)
	}
	gone := errors.New("gone")
	ctx, stop := context.WithCancelCause(t.Context())
	stop(gone)
	_, err = s.Wait(ctx, a.ID, func(account.Account) bool { return false })
	if !errors.Is(err, gone) || !strings.Contains(err.Error(), "dead-letter") {
		t.Errorf("got %v, want why it ended and what was done until then", err)
	}
}

func FuzzNew(f *testing.F) {
	f.Add("alice@example.test", "Alice")
	f.Add("Alice <alice@example.test>", "\x00")
	f.Add("\"a\r\nb\"@example.test", "é")
	f.Fuzz(func(t *testing.T, email, name string) {
		a, err := account.New(email, name)
		if err != nil {
			return
		}
		if a.Email != email || len(a.Email) > account.MaxEmail || !strings.Contains(a.Email, "@") {
			t.Errorf("accepted the address %q", a.Email)
		}
		if n := utf8.RuneCountInString(a.Name); n < 1 || n > account.MaxName || strings.ContainsAny(a.Email+a.Name, "\r\n\x00") {
			t.Errorf("accepted %q %q", a.Email, a.Name)
		}
	})
}
