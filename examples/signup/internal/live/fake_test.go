package live_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/warren-mq/warren/examples/signup/internal/live"
)

// fake is a demo with a given state. It records the actions that it received.
type fake struct {
	mu       sync.Mutex
	snapshot live.Snapshot
	journey  live.Journey
	mails    []live.Mail
	done     []live.Action
}

func (f *fake) Snapshot() live.Snapshot {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.snapshot
}

func (f *fake) Journey(id string) (live.Journey, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.journey, id == f.journey.ID
}

func (f *fake) Inbox(to string, limit int) (found []live.Mail) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range f.mails {
		if len(found) < limit && (to == "" || to == m.To) {
			found = append(found, m)
		}
	}
	return found
}

func (f *fake) Mail(id string) (live.Mail, bool) {
	for _, m := range f.Inbox("", 1000) {
		if m.ID == id {
			return m, true
		}
	}
	return live.Mail{}, false
}

func (f *fake) Do(_ context.Context, a live.Action) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if a.Address == "nobody" {
		return "", errors.New("demo: the address is <nobody>, want one with an @")
	}
	f.done = append(f.done, a)
	if a.Verb == live.StopMail {
		f.snapshot.MailServer.Mode = live.MailStopped
	}
	return "Done: " + string(a.Verb) + ".", nil
}

func (f *fake) change(how func(*live.Snapshot)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.snapshot.Queues = slices.Clone(f.snapshot.Queues) // a page may be reading the old slice
	how(&f.snapshot)
}

// serve serves the pages of the demo and of the service until the test ends.
func serve(t *testing.T, d live.Demo) (url string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	mux := http.NewServeMux()
	mux.Handle("/", live.New(ctx, d, slog.New(slog.DiscardHandler)))
	for path, page := range answers() {
		mux.Handle("GET "+path, live.Guard(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if err := live.Render(w, http.StatusOK, page); err != nil {
				t.Errorf("render %s: %v", path, err)
			}
		})))
	}
	server := httptest.NewServer(mux)
	t.Cleanup(func() { cancel(); server.Close() })
	return server.URL
}

// answers holds the pages of the service by path.
func answers() map[string]live.Page {
	return map[string]live.Page{
		"/{$}": live.SignUpForm{},
		"/signup-again": live.SignUpForm{
			Name: "Ada", Email: "ada@", Fault: "Nothing was saved.", NameFault: "It is taken.",
			EmailFault: "ada@ is not an e-mail address.", PasswordFault: "It has 3 characters, want 10 or more.",
		},
		"/signed-up":     live.SignedUp{Signup: signup(), Name: "Ada"},
		"/signed-up-old": live.SignedUp{Signup: live.Signup{ID: "8", Email: "bob@example.test", Took: 2 * time.Second, Sync: true}, Name: "Bob"},
		"/reset":         live.ResetForm{Email: "ada@", Fault: "No account has this address."},
		"/reset/confirm": live.PasswordForm{Token: "t", Fault: "It has 3 characters, want 10 or more."},
		"/verified":      live.Notice{Title: "Verified", Text: "ada@example.test is yours."},
		"/expired":       live.Notice{Title: "Too late", Text: "The link was good for a day.", Bad: true},
	}
}

func signup() live.Signup {
	return live.Signup{
		ID: "7", Email: "ada@example.test", At: noon(), Took: 3140 * time.Microsecond, State: live.Retrying,
	}
}

func noon() time.Time { return time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC) }
