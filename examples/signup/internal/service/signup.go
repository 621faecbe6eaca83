package service

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/warren-mq/warren/examples/signup/internal/account"
	"github.com/warren-mq/warren/examples/signup/internal/event"
	"github.com/warren-mq/warren/examples/signup/internal/live"
	"github.com/warren-mq/warren/outbox"
)

// signUp saves the account and the event about it, and answers. Whoever has to do
// something about it does so later.
func (s *service) signUp(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	a, ok := s.newAccount(w, r)
	if !ok {
		return
	}
	e := event.SignedUp{AccountID: a.ID, Email: a.Email, Name: a.Name, At: a.CreatedAt}
	err := s.Accounts.Add(r.Context(), a, outbox.Message{
		Exchange: s.Exchange, Key: event.SignedUpKey, Aggregate: a.ID, CorrelationID: a.ID, Body: e,
	})
	if err != nil {
		s.notAdded(w, r, err)
		return
	}
	if s.Wake != nil {
		s.Wake()
	}
	s.accepted(w, r, a, start, false)
}

// signUpSync is how it was done before: the visitor waits for everybody, and if one
// of them fails the visitor hears of it.
func (s *service) signUpSync(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	a, ok := s.newAccount(w, r)
	if !ok {
		return
	}
	if err := s.Accounts.Add(r.Context(), a); err != nil {
		s.notAdded(w, r, err)
		return
	}
	e := event.SignedUp{AccountID: a.ID, Email: a.Email, Name: a.Name, At: a.CreatedAt}
	for _, do := range s.Inline {
		if err := do(r.Context(), e); err != nil {
			s.unavailable(w, r, err, "The account is saved, but not all that belongs to it was done, and nobody will try again.")
			return
		}
	}
	s.accepted(w, r, a, start, true)
}

// newAccount makes an account of the request, or answers why it cannot.
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

// refuse shows the form again, with what is wrong with it.
func (s *service) refuse(w http.ResponseWriter, r *http.Request, status int, in account.Input, f account.InputError) {
	if kind(r) == asForm {
		s.render(w, status, live.SignUpForm{
			Email: in.Email, Name: in.Name, EmailFault: f.Email, NameFault: f.Name, PasswordFault: f.Password,
		})
		return
	}
	s.json(w, status, map[string]any{"error": f.Error(), "email": f.Email, "name": f.Name, "password": f.Password})
}

func (s *service) notAdded(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, account.ErrExists) {
		s.fail(w, r, http.StatusConflict, "There is an account with this e-mail address already.")
		return
	}
	s.unavailable(w, r, err, "Nothing was saved. Try again.")
}

// answer is the JSON answer to a sign-up.
type answer struct {
	ID     string  `json:"id"`
	TookMS float64 `json:"took_ms"`
}

func (s *service) accepted(w http.ResponseWriter, r *http.Request, a account.Account, start time.Time, sync bool) {
	signup := live.Signup{ID: a.ID, Email: a.Email, At: start, Took: time.Since(start), Sync: sync, State: live.Waiting}
	if sync {
		signup.State = live.Done
	}
	if s.OnAnswer != nil {
		s.OnAnswer(signup)
	}
	ms := float64(signup.Took.Microseconds()) / 1000
	w.Header().Set("Location", live.JourneyPath+a.ID)
	w.Header().Set("Server-Timing", fmt.Sprintf("signup;dur=%.1f", ms))
	if kind(r) == asForm {
		s.render(w, http.StatusCreated, live.SignedUp{Signup: signup, Name: a.Name})
		return
	}
	s.json(w, http.StatusCreated, answer{a.ID, ms})
}
