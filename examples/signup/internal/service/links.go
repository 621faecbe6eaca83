package service

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/examples/signup/internal/account"
	"github.com/warren-mq/warren/examples/signup/internal/event"
	"github.com/warren-mq/warren/examples/signup/internal/link"
	"github.com/warren-mq/warren/examples/signup/internal/live"
	"github.com/warren-mq/warren/examples/signup/internal/verification"
	"github.com/warren-mq/warren/examples/signup/internal/welcome"
)

// urgent is the priority of what somebody sits waiting for.
const urgent = 10

// verify is where the link of the verification mail leads.
func (s *service) verify(w http.ResponseWriter, r *http.Request) {
	a, err := s.verified(r)
	if err != nil {
		s.badLink(w, r, err)
		return
	}
	if s.OnVerified != nil {
		s.OnVerified(a)
	}
	s.render(w, http.StatusOK, live.Notice{Title: "Your address is confirmed", Text: a.Email + " is yours. Thank you, " + a.Name + "."})
}

func (s *service) verified(r *http.Request) (a account.Account, err error) {
	id, err := s.Link.Open(verification.Purpose, r.URL.Query().Get("token"))
	if err != nil {
		return a, err
	}
	return s.Accounts.Verify(r.Context(), id, time.Now())
}

// badLink says whether the link is no good, or the service is not just now.
func (s *service) badLink(w http.ResponseWriter, r *http.Request, err error) {
	text := "This link is not one of ours, or it was used already."
	switch {
	case errors.Is(err, link.ErrExpired):
		text = "This link has expired."
	case !errors.Is(err, link.ErrForged) && !errors.Is(err, account.ErrUnknown):
		s.unavailable(w, r, err, "That cannot be done just now. Follow the link again in a moment.")
		return
	}
	s.render(w, http.StatusForbidden, live.Notice{Title: "This link does not work", Text: text, Bad: true})
}

// reset publishes that somebody wants to set a new password. There is no row that
// must be saved with it, so it goes straight to the broker. It does and answers the
// same whether or not there is such an account: neither what it says nor how long that
// takes tells who has one.
func (s *service) reset(w http.ResponseWriter, r *http.Request) {
	in, ok := s.read(w, r)
	if !ok {
		return
	}
	a, err := s.Accounts.ByEmail(r.Context(), in.Email)
	if err == nil || errors.Is(err, account.ErrUnknown) {
		err = s.publishReset(r.Context(), a)
	}
	if err != nil {
		s.unavailable(w, r, err, "That cannot be done just now. Try again.")
		return
	}
	const said = "If there is an account with this address, a mail with a link is on its way."
	if kind(r) == asForm {
		s.render(w, http.StatusAccepted, live.Notice{Title: "Look into your inbox", Text: said})
		return
	}
	s.json(w, http.StatusAccepted, map[string]string{"said": said})
}

func (s *service) publishReset(ctx context.Context, a account.Account) error {
	e := event.PasswordReset{ID: rand.Text(), AccountID: a.ID, Email: a.Email, Name: a.Name, Stamp: a.Stamp(), At: time.Now().UTC()}
	if s.OnReset != nil && a.ID != "" {
		s.OnReset(e)
	}
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	return s.Publisher.Publish(ctx, event.PasswordResetKey, e, broker.WithPriority(urgent), broker.WithCorrelationID(a.ID))
}

// newPassword is where the link of the mail leads.
func (s *service) newPassword(w http.ResponseWriter, r *http.Request) {
	token := r.URL.Query().Get("token")
	if _, err := s.resetting(r.Context(), token); err != nil {
		s.badLink(w, r, err)
		return
	}
	s.render(w, http.StatusOK, live.PasswordForm{Token: token})
}

func (s *service) setPassword(w http.ResponseWriter, r *http.Request) {
	in, ok := s.read(w, r)
	if !ok {
		return
	}
	token := r.PostForm.Get("token") // there is none in JSON: the link leads to the form
	a, err := s.resetting(r.Context(), token)
	if err != nil {
		s.badLink(w, r, err)
		return
	}
	if fault := account.PasswordFault(in.Password); fault != "" {
		s.render(w, http.StatusUnprocessableEntity, live.PasswordForm{Token: token, Fault: fault})
		return
	}
	hash, err := s.Hash(r.Context(), in.Password)
	if err == nil {
		err = s.Accounts.SetPassword(r.Context(), a.ID, a.PasswordHash, hash)
	}
	if err != nil {
		s.badLink(w, r, err)
		return
	}
	s.render(w, http.StatusOK, live.Notice{Title: "Your password is set", Text: "The old one is good no more, and neither is the link."})
}

// resetting returns the account whose password the token may set.
func (s *service) resetting(ctx context.Context, token string) (a account.Account, err error) {
	subject, err := s.Link.Open(welcome.ResetPurpose, token)
	if err != nil {
		return a, err
	}
	id, stamp, _ := strings.Cut(subject, ".")
	a, err = s.Accounts.ByID(ctx, id)
	if err == nil && a.Stamp() != stamp {
		err = link.ErrForged // used already: the password is another
	}
	return a, err
}
