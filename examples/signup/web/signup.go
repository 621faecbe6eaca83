package web

import (
	"context"
	"net/http"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/examples/signup/account"
	"github.com/warren-mq/warren/examples/signup/event"
)

// accepted is the answer to what was published.
type accepted struct {
	ID     string  `json:"id"`
	TookMS float64 `json:"took_ms"`
}

func (s *service) signUp(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	in, ok := s.read(w, r)
	if !ok {
		return
	}
	a, err := account.New(in.Email, in.Name)
	if err != nil {
		s.fail(w, http.StatusUnprocessableEntity, err.Error())
		return
	}
	if err := s.accounts.Add(a); err != nil { // account.ErrExists, the only one
		s.fail(w, http.StatusConflict, err.Error())
		return
	}
	if err := s.publish(r.Context(), event.SignedUp, a); err != nil {
		s.accounts.Remove(a.ID) // nobody would ever welcome it
		s.unavailable(w, err, "the sign-up could not be published, and nothing was saved; try again")
		return
	}
	s.accept(w, a, start)
}

func (s *service) resend(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	in, ok := s.read(w, r)
	if !ok {
		return
	}
	a, ok := s.accounts.ByEmail(in.Email)
	if !ok {
		s.fail(w, http.StatusNotFound, "there is no account with this email")
		return
	}
	if err := s.publish(r.Context(), event.VerificationRequested, a, broker.WithPriority(9)); err != nil {
		s.unavailable(w, err, "the request could not be published; try again")
		return
	}
	s.accept(w, a, start)
}

// publish tells of a, and goes on when the visitor hangs up: the account is saved.
func (s *service) publish(ctx context.Context, key string, a account.Account, opts ...broker.Option) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), publishTimeout)
	defer cancel()
	user := event.User{ID: a.ID, Email: a.Email, Name: a.Name}
	return s.publisher.Publish(ctx, key, user, append(opts, broker.WithCorrelationID(a.ID))...)
}

func (s *service) accept(w http.ResponseWriter, a account.Account, start time.Time) {
	w.Header().Set("Location", "/accounts/"+a.ID)
	s.answer(w, http.StatusAccepted, accepted{a.ID, float64(time.Since(start).Microseconds()) / 1000})
}

// unavailable says why to those who run the service, and what to do to the visitor.
func (s *service) unavailable(w http.ResponseWriter, err error, what string) {
	s.log.Error("web: not published", "error", err)
	w.Header().Set("Retry-After", "5")
	s.fail(w, http.StatusServiceUnavailable, what)
}
