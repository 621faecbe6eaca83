// Package livetest serves the pages of live with a demo of a given state, for tests.
package livetest

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

// Demo is a demo with a given state. It records the actions that it received.
type Demo struct {
	Mu       sync.Mutex // guards the other fields
	State    live.Snapshot
	Followed live.Journey
	Mails    []live.Mail
	Actions  []live.Action
}

// Snapshot returns the state of the demo.
func (f *Demo) Snapshot() live.Snapshot {
	f.Mu.Lock()
	defer f.Mu.Unlock()
	return f.State
}

// Journey returns the journey of the sign-up with the id.
func (f *Demo) Journey(id string) (live.Journey, bool) {
	f.Mu.Lock()
	defer f.Mu.Unlock()
	return f.Followed, id == f.Followed.ID
}

// Inbox returns the first mails to an address, or to all if it is empty.
func (f *Demo) Inbox(to string, limit int) (found []live.Mail) {
	f.Mu.Lock()
	defer f.Mu.Unlock()
	for _, m := range f.Mails {
		if len(found) < limit && (to == "" || to == m.To) {
			found = append(found, m)
		}
	}
	return found
}

// Mail returns the mail with the id.
func (f *Demo) Mail(id string) (live.Mail, bool) {
	for _, m := range f.Inbox("", 1000) {
		if m.ID == id {
			return m, true
		}
	}
	return live.Mail{}, false
}

// Do records the action. It refuses one address.
func (f *Demo) Do(_ context.Context, a live.Action) (string, error) {
	f.Mu.Lock()
	defer f.Mu.Unlock()
	if a.Address == "<b>bob" {
		return "", errors.New("livetest: the address is <b>bob, want one with an @")
	}
	f.Actions = append(f.Actions, a)
	if a.Verb == live.StopMail {
		f.State.MailServer.Mode = live.MailStopped
	}
	return "Done: " + string(a.Verb) + ".", nil
}

// Change changes the snapshot.
func (f *Demo) Change(how func(*live.Snapshot)) {
	f.Mu.Lock()
	defer f.Mu.Unlock()
	f.State.Queues, f.State.Story = slices.Clone(f.State.Queues), slices.Clone(f.State.Story) // a page may be reading the old ones
	how(&f.State)
}

// Serve serves the pages of the demo and of the service until the test ends.
func Serve(tb testing.TB, d live.Demo) (url string) {
	tb.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	mux := http.NewServeMux()
	mux.Handle("/", live.New(ctx, d, slog.New(slog.DiscardHandler)))
	for path, page := range answers() {
		mux.Handle("GET "+path, live.Guard(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if err := live.Render(w, http.StatusOK, page); err != nil {
				tb.Errorf("render %s: %v", path, err)
			}
		})))
	}
	server := httptest.NewServer(mux)
	tb.Cleanup(func() { cancel(); server.Close() })
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
