// Package service is the HTTP service of the sign-up: the form, the JSON API, and the links
// in the mails.
package service

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/examples/signup/internal/account"
	"github.com/warren-mq/warren/examples/signup/internal/event"
	"github.com/warren-mq/warren/examples/signup/internal/link"
	"github.com/warren-mq/warren/examples/signup/internal/live"
)

// Config configures the service. All fields must be set, except those that may be nil.
type Config struct {
	Accounts  *account.Store
	Hash      func(ctx context.Context, password string) (string, error)
	Exchange  string            // exchange of the events
	Publisher *broker.Publisher // to the exchange, for events without a row in the database
	Link      link.Signer
	Log       *slog.Logger

	// Inline and InlineKnown are the tasks of POST /signup-sync, for a new account and for an
	// address that has an account.
	Inline      []func(context.Context, event.SignedUp) error
	InlineKnown func(context.Context, event.SignUpKnown) error

	Wake     func()                    // wakes the relay after an event was saved; may be nil
	OnAnswer func(live.Signup)         // called with each accepted sign-up; may be nil
	OnReset  func(event.PasswordReset) // called with each reset before it is published; may be nil

	OnVerified func(account.Account) // called with the account of each confirmed address; may be nil
}

// publishTimeout bounds a publish while a visitor waits.
const publishTimeout = 5 * time.Second

type service struct{ Config }

// New returns the service's pages and API, guarded by live.Guard.
//
//	GET  /               the form
//	POST /signup         email, name, password; answers once account and event are committed;
//	                     the answer is the same for an address that has an account
//	POST /signup-sync    email, name, password; answers after all tasks (the old way)
//	GET  /verify?token=  the link of the verification mail
//	POST /reset          email; publishes a password reset with priority 10
//	GET  /reset/confirm  the link of the password mail; POST sets the password
//
// The answer to a body of application/json is JSON. The answer to a form is a page.
func New(c Config) http.Handler {
	s := &service{c}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.page(live.SignUpForm{}))
	mux.HandleFunc("POST "+live.PostSignUp, s.signUp)
	mux.HandleFunc("POST "+live.PostSignUpSync, s.signUpSync)
	mux.HandleFunc("GET /verify", s.verify)
	mux.HandleFunc("GET "+live.ResetPath, s.page(live.ResetForm{}))
	mux.HandleFunc("POST "+live.ResetPath, s.reset)
	mux.HandleFunc("GET "+live.NewPassword, s.newPassword)
	mux.HandleFunc("POST "+live.NewPassword, s.setPassword)
	mux.Handle("GET "+live.AssetsPath, live.Assets())
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.render(w, http.StatusNotFound, live.Notice{Title: "Not found", Text: "This page does not exist.", Bad: true})
	})
	return live.Guard(mux)
}

func (s *service) page(p live.Page) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { s.render(w, http.StatusOK, p) }
}

func (s *service) render(w http.ResponseWriter, status int, p live.Page) {
	if err := live.Render(w, status, p); err != nil {
		s.Log.Warn("service: sending a page failed", "error", err) // the visitor has disconnected
	}
}
