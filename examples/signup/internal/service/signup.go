package service

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/warren-mq/warren/examples/signup/internal/account"
	"github.com/warren-mq/warren/examples/signup/internal/event"
	"github.com/warren-mq/warren/examples/signup/internal/live"
	"github.com/warren-mq/warren/outbox"
)

// signUp saves the account and its event, and answers. Workers handle the event later. If the
// address has an account, the event leads to a mail to its owner, and the visitor gets the same
// answer in the same time, so that the answer does not reveal who has an account.
func (s *service) signUp(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	a, ok := s.newAccount(w, r)
	if !ok {
		return
	}
	owner, err := s.Accounts.Add(r.Context(), a, func(owner account.Account) []outbox.Message {
		m := outbox.Message{Exchange: s.Exchange, Key: event.SignedUpKey, Aggregate: a.ID, CorrelationID: a.ID, Body: signedUp(a)}
		if owner.ID != a.ID {
			m.Key, m.Body = event.SignUpKnownKey, known(a, owner)
		}
		return []outbox.Message{m}
	})
	if err != nil {
		s.unavailable(w, r, err, nothingSaved)
		return
	}
	if s.Wake != nil {
		s.Wake()
	}
	s.accepted(w, r, a, live.Signup{At: start, Known: owner.ID != a.ID, State: live.Waiting})
}

const nothingSaved = "Nothing was saved. Try again."

func signedUp(a account.Account) event.SignedUp {
	return event.SignedUp{AccountID: a.ID, Email: a.Email, Name: a.Name, At: a.CreatedAt}
}

// known returns the event of the sign-up a with the address of the account owner.
func known(a, owner account.Account) event.SignUpKnown {
	return event.SignUpKnown{ID: a.ID, Email: owner.Email, Name: owner.Name, At: a.CreatedAt}
}

// signUpSync is the old way: the visitor waits for all tasks, and gets an error if one of them
// fails. Its duration reveals who has an account, since such an address gets one mail instead
// of two.
func (s *service) signUpSync(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	a, ok := s.newAccount(w, r)
	if !ok {
		return
	}
	owner, err := s.Accounts.Add(r.Context(), a, nil)
	if err != nil {
		s.unavailable(w, r, err, nothingSaved)
		return
	}
	if owner.ID != a.ID {
		err = s.InlineKnown(r.Context(), known(a, owner))
	} else {
		err = s.inline(r.Context(), signedUp(a))
	}
	if err != nil {
		s.unavailable(w, r, err, "The account is saved, but one of its tasks failed and will not be retried.")
		return
	}
	s.accepted(w, r, a, live.Signup{At: start, Known: owner.ID != a.ID, Sync: true, State: live.Done})
}

func (s *service) inline(ctx context.Context, e event.SignedUp) error {
	for _, do := range s.Inline {
		if err := do(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// newAccount returns an account from the request. If the request is invalid, it answers with
// the reason and returns false.
func (s *service) newAccount(w http.ResponseWriter, r *http.Request) (a account.Account, ok bool) {
	in, ok := s.read(w, r)
	if !ok {
		return a, false
	}
	if faults := in.Validate(); faults != nil {
		s.refuse(w, r, http.StatusUnprocessableEntity, in, *faults)
		return a, false
	}
	hash, err := s.Hash(r.Context(), in.Password)
	if err != nil {
		s.unavailable(w, r, err, "That took too long. Try again.")
		return a, false
	}
	return account.New(in, hash), true
}

// refuse answers with the form again, with the faults of its fields.
func (s *service) refuse(w http.ResponseWriter, r *http.Request, status int, in account.Input, f account.InputError) {
	if kind(r) == asForm {
		s.render(w, status, live.SignUpForm{
			Email: in.Email, Name: in.Name, EmailFault: f.Email, NameFault: f.Name, PasswordFault: f.Password,
		})
		return
	}
	s.json(w, status, map[string]any{"error": f.Error(), "email": f.Email, "name": f.Name, "password": f.Password})
}

// answer is the JSON answer to a sign-up.
type answer struct {
	ID     string  `json:"id"`
	TookMS float64 `json:"took_ms"`
}

func (s *service) accepted(w http.ResponseWriter, r *http.Request, a account.Account, signup live.Signup) {
	signup.ID, signup.Email, signup.Took = a.ID, a.Email, time.Since(signup.At)
	if s.OnAnswer != nil {
		s.OnAnswer(signup)
	}
	signup.Known = false // the page must not reveal it
	ms := float64(signup.Took.Microseconds()) / 1000
	w.Header().Set("Location", live.JourneyPath+a.ID)
	w.Header().Set("Server-Timing", fmt.Sprintf("signup;dur=%.1f", ms))
	if kind(r) == asForm {
		s.render(w, http.StatusCreated, live.SignedUp{Signup: signup, Name: a.Name})
		return
	}
	s.json(w, http.StatusCreated, answer{a.ID, ms})
}
