// Package web is the HTTP side of the sign-up service.
package web

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/examples/signup/account"
	"github.com/warren-mq/warren/examples/signup/analytics"
	"github.com/warren-mq/warren/examples/signup/event"
	"github.com/warren-mq/warren/examples/signup/verification"
	"github.com/warren-mq/warren/examples/signup/welcome"
)

// publishTimeout is how long a visitor waits for a broker that does not answer.
const publishTimeout = 5 * time.Second

type service struct {
	accounts  *account.Store
	publisher *broker.Publisher
	log       *slog.Logger
}

// New returns the service over the accounts; it tells the publisher what happens.
// Requests that a browser sends for another site are refused.
//
//	POST /signup         email and name; 202 once the event is published
//	POST /verify/resend  email; publishes an urgent event
//	GET  /accounts/{id}  what the workers have done
func New(accounts *account.Store, publisher *broker.Publisher, log *slog.Logger) http.Handler {
	s := &service{accounts, publisher, log}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /signup", s.signUp)
	mux.HandleFunc("POST /verify/resend", s.resend)
	mux.HandleFunc("GET /accounts/{id}", s.show)
	return http.NewCrossOriginProtection().Handler(mux)
}

// shown is an account with what a person wants to know first.
type shown struct {
	account.Account

	WelcomeSent      bool `json:"welcome_sent"`
	VerificationSent bool `json:"verification_sent"`
	Counted          bool `json:"counted"`
}

func (s *service) show(w http.ResponseWriter, r *http.Request) {
	a, ok := s.accounts.Get(r.PathValue("id"))
	if !ok {
		s.fail(w, http.StatusNotFound, "there is no such account")
		return
	}
	s.answer(w, http.StatusOK, shown{
		Account:          a,
		WelcomeSent:      a.Done(welcome.Queue, event.SignedUp) > 0,
		VerificationSent: a.Done(verification.Queue, event.SignedUp) > 0,
		Counted:          a.Done(analytics.Queue, event.SignedUp) > 0,
	})
}

func (s *service) answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	if err := enc.Encode(body); err != nil {
		s.log.Warn("web: answer not sent", "error", err) // the visitor has gone
	}
}

func (s *service) fail(w http.ResponseWriter, status int, why string) {
	s.answer(w, status, map[string]string{"error": why})
}
