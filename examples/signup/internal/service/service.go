// Package service is the HTTP side of the sign-up: the form, the JSON API, and the
// links of the mails.
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

// Config says what the service works with. All fields must be set but the functions
// that say so.
type Config struct {
	Accounts  *account.Store
	Hash      func(ctx context.Context, password string) (string, error)
	Exchange  string            // of the events
	Publisher *broker.Publisher // to the exchange, for what concerns no account's row
	Link      link.Signer
	Log       *slog.Logger

	// What POST /signup-sync does while the visitor waits: for a new account, and for an
	// address that has one.
	Inline      []func(context.Context, event.SignedUp) error
	InlineKnown func(context.Context, event.SignUpKnown) error

	Wake     func()                    // tells the relay that there is an event; may be nil
	OnAnswer func(live.Signup)         // sees each sign-up that was accepted; may be nil
	OnReset  func(event.PasswordReset) // sees each reset before it is published; may be nil

	OnVerified func(account.Account) // sees each address that is confirmed; may be nil
}

// publishTimeout is how long a visitor waits for a broker that does not answer.
const publishTimeout = 5 * time.Second

type service struct{ Config }

// New returns the service's pages and API, guarded by live.Guard.
//
//	GET  /               the form
//	POST /signup         email, name, password; answers once account and event are committed
//	                     the answer is the same for an address that has an account
//	POST /signup-sync    the same, and answers when all is done: the old way
//	GET  /verify?token=  the link of the verification mail
//	POST /reset          email; publishes an urgent event
//	GET  /reset/confirm  the link of the mail; POST sets the password
//
// A body of application/json is answered with JSON, a form with a page.
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
		s.render(w, http.StatusNotFound, live.Notice{Title: "Nothing here", Text: "There is no such page.", Bad: true})
	})
	return live.Guard(mux)
}

func (s *service) page(p live.Page) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { s.render(w, http.StatusOK, p) }
}

func (s *service) render(w http.ResponseWriter, status int, p live.Page) {
	if err := live.Render(w, status, p); err != nil {
		s.Log.Warn("service: page not sent", "error", err) // the visitor has gone
	}
}
