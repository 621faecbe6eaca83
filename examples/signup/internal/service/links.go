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

// urgent is the priority of events that a person is waiting for.
const urgent = 10

// verify handles the link of the verification mail.
func (s *service) verify(w http.ResponseWriter, r *http.Request) {
	a, err := s.verified(r)
	if err != nil {
		s.badLink(w, r, err)
		return
	}
	if s.OnVerified != nil {
		s.OnVerified(a)
	}
	s.render(w, http.StatusOK, live.Notice{Title: "Your address is confirmed", Text: a.Email + " is confirmed. Thank you, " + a.Name + "."})
}

func (s *service) verified(r *http.Request) (a account.Account, err error) {
	id, err := s.Link.Open(verification.Purpose, r.URL.Query().Get("token"))
	if err != nil {
		return a, err
	}
	return s.Accounts.Verify(r.Context(), id, time.Now())
}

// badLink answers a request whose link is invalid or expired, or could not be checked.
func (s *service) badLink(w http.ResponseWriter, r *http.Request, err error) {
	text := "This link is invalid, or it was used already."
	switch {
	case errors.Is(err, link.ErrExpired):
		text = "This link has expired."
	case !errors.Is(err, link.ErrForged) && !errors.Is(err, account.ErrUnknown):
		s.unavailable(w, r, err, "The service is temporarily unavailable. Follow the link again in a moment.")
		return
	}
	s.render(w, http.StatusForbidden, live.Notice{Title: "This link does not work", Text: text, Bad: true})
}

// reset publishes the request for a new password. No row is saved with the event, so it
// bypasses the outbox. The handler does the same work and gives the same answer whether or not
// the account exists, so that neither the answer nor its duration reveals who has an account.
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
		s.unavailable(w, r, err, "The service is temporarily unavailable. Try again.")
		return
	}
	const said = "If there is an account with this address, we have sent it a mail with a link."
	if kind(r) == asForm {
		s.render(w, http.StatusAccepted, live.Notice{Title: "Check your inbox", Text: said})
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

// newPassword handles the link of the password mail, and its form.
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
	token := r.PostForm.Get("token") // only the form has a token, since the link leads to the form
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
	s.render(w, http.StatusOK, live.Notice{Title: "Your password is set", Text: "The old password and the link no longer work."})
}

// resetting returns the account whose password the token allows to set.
func (s *service) resetting(ctx context.Context, token string) (a account.Account, err error) {
	subject, err := s.Link.Open(welcome.ResetPurpose, token)
	if err != nil {
		return a, err
	}
	id, stamp, _ := strings.Cut(subject, ".")
	a, err = s.Accounts.ByID(ctx, id)
	if err == nil && a.Stamp() != stamp {
		err = link.ErrForged // the link was used: the password has changed since
	}
	return a, err
}
