package service_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
	"go.uber.org/goleak"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/examples/signup/internal/account"
	"github.com/warren-mq/warren/examples/signup/internal/event"
	"github.com/warren-mq/warren/examples/signup/internal/link"
	"github.com/warren-mq/warren/examples/signup/internal/live"
	"github.com/warren-mq/warren/examples/signup/internal/service"
	"github.com/warren-mq/warren/internal/rabbit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	asJSON = "application/json"
	asForm = "application/x-www-form-urlencoded"
)

var signer = link.Signer{Secret: []byte("secret")}

// site is the service with its own database and exchange.
type site struct {
	http.Handler

	store   *account.Store
	channel *amqp.Channel
	name    string // of the exchange, and of a queue that gets all its events
	answers []live.Signup
	hash    func(context.Context, string) (string, error)
	hashed  int
}

func newSite(t *testing.T, inline ...func(context.Context, event.SignedUp) error) *site {
	t.Helper()
	s := &site{name: rabbit.Queue(t), channel: rabbit.Channel(t, rabbit.URL(t)), hash: account.NewHasher().Hash}
	if err := s.channel.ExchangeDeclare(s.name, "topic", false, true, false, false, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := s.channel.QueueDeclare(s.name, false, true, true, false, amqp.Table{"x-max-priority": 10}); err != nil {
		t.Fatal(err)
	}
	if err := s.channel.QueueBind(s.name, "#", s.name, false, nil); err != nil {
		t.Fatal(err)
	}
	var err error
	if s.store, err = account.Open(t.Context(), filepath.Join(t.TempDir(), "accounts.db")); err != nil {
		t.Fatal(err)
	}
	pub := broker.NewPublisher(broker.Config{URL: rabbit.URL(t)}, s.name)
	t.Cleanup(func() {
		for _, closing := range []func() error{pub.Close, s.store.DB.Close} {
			if err := closing(); err != nil {
				t.Error(err)
			}
		}
	})
	s.Handler = service.New(service.Config{
		Accounts: s.store, Hash: s.counted, Exchange: s.name, Publisher: pub, Link: signer,
		Log: slog.New(slog.DiscardHandler), Inline: inline, InlineKnown: func(context.Context, event.SignUpKnown) error { return nil },
		OnAnswer: func(a live.Signup) { s.answers = append(s.answers, a) },
	})
	return s
}

func (s *site) counted(ctx context.Context, password string) (string, error) {
	s.hashed++
	return s.hash(ctx, password)
}

func (s *site) send(method, path, contentType, body string, change ...func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	for _, f := range change {
		f(r)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func chunked(r *http.Request)   { r.ContentLength = -1 }
func crossSite(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }

const (
	alice     = `{"email":"alice@example.com","name":"Alice","password":"correct horse"}`
	aliceForm = "email=alice@example.com&name=Alice&password=correct+horse"
)

// longest returns the longest form with valid input.
func longest() string {
	return url.Values{
		"email":    {strings.Repeat("é", 120) + "@example.com"},
		"name":     {strings.Repeat("😀", account.MaxName)},
		"password": {strings.Repeat("😀", account.MaxPassword)},
	}.Encode()
}

func TestASignUpIsAnsweredByWhatItIs(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	large := `{"email":"a@example.com","name":"` + strings.Repeat("x", 9000) + `"}`
	for name, tt := range map[string]struct {
		kind, body string
		change     func(*http.Request)
		status     int
		says       string
	}{
		"JSON is accepted":                {asJSON, strings.Replace(alice, "alice", "a", 1), nil, 201, `"took_ms"`},
		"JSON with a charset is accepted": {asJSON + "; charset=utf-8", strings.Replace(alice, "alice", "b", 1), nil, 201, `"id"`},
		"a form is answered with a page":  {asForm, strings.Replace(aliceForm, "alice", "c", 1), nil, 201, "<html"},
		"the longest input fits":          {asForm, longest(), nil, 201, "<html"},
		"half an object":                  {asJSON, `{"email":`, nil, 400, "unexpected EOF"},
		"nothing":                         {asJSON, ``, nil, 400, "EOF"},
		"more than one object":            {asJSON, alice + "{}", nil, 400, "unexpected data after"},
		"an unknown field":                {asJSON, `{"mail":"e@example.com"}`, nil, 400, "unknown field"},
		"a number for an address":         {asJSON, `{"email":1}`, nil, 400, "cannot unmarshal"},
		"a form with a bad escape":        {asForm, "email=%zz", nil, 400, "invalid URL escape"},
		"an unsupported content type":     {"text/plain", `{}`, nil, 415, "want application/json"},
		"no content type":                 {"", `{}`, nil, 415, "want application/json"},
		"a body that is too large":        {asJSON, large, nil, 413, "at most 8192"},
		"a body that turns out too large": {asJSON, large, chunked, 413, "at most 8192"},
		"a form that turns out too large": {asForm, "name=" + large, chunked, 413, "at most 8192"},
		"input that is not valid":         {asJSON, `{"email":"alice","name":"","password":"x"}`, nil, 422, `"name":"The name is missing."`},
		"a form that is not valid":        {asForm, "email=alice&name=A&password=correct+horse", nil, 422, "is not an e-mail address"},
		"a form on another site's page":   {asForm, aliceForm, crossSite, 403, "cross-origin"},
		"markup in a form stays harmless": {asForm, "email=x&name=%3Cscript%3E&password=correct+horse", nil, 422, "&lt;script&gt;"},
	} {
		t.Run(name, func(t *testing.T) {
			var changes []func(*http.Request)
			if tt.change != nil {
				changes = append(changes, tt.change)
			}
			w := s.send("POST", "/signup", tt.kind, tt.body, changes...)
			if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.says) {
				t.Errorf("got %d %s, want %d with %q", w.Code, w.Body, tt.status, tt.says)
			}
			if csp := w.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
				t.Errorf("got the policy %q", csp)
			}
		})
	}
}

func TestASignUpLeavesTheAccountAndItsEventInTheOutbox(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	w := s.send("POST", "/signup", asJSON, alice)
	var answer struct {
		ID     string  `json:"id"`
		TookMS float64 `json:"took_ms"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		t.Fatal(err)
	}
	if w.Header().Get("Location") != "/journey/"+answer.ID || !strings.HasPrefix(w.Header().Get("Server-Timing"), "signup;dur=") || answer.TookMS <= 0 {
		t.Errorf("got %v and %+v", w.Header(), answer)
	}
	var key, aggregate, body string
	if err := s.store.DB.QueryRowContext(t.Context(), "SELECT routing_key, aggregate, body FROM warren_outbox").Scan(&key, &aggregate, &body); err != nil {
		t.Fatal(err)
	}
	if key != event.SignedUpKey || aggregate != answer.ID || !strings.Contains(body, `"email":"alice@example.com"`) || strings.Contains(body, "horse") {
		t.Errorf("the event is %s of %s: %s", key, aggregate, body)
	}
	if len(s.answers) != 1 || s.answers[0].ID != answer.ID || s.answers[0].Sync {
		t.Errorf("OnAnswer was called with %+v", s.answers)
	}
	if n := rabbit.Depth(t, s.channel, s.name); n != 0 {
		t.Errorf("the service published %d events, want 0", n)
	}
}

func TestTheOldWayDoesEachStepInlineAndReportsItsFailure(t *testing.T) {
	t.Parallel()
	var done []string
	do := func(name string) func(context.Context, event.SignedUp) error {
		return func(_ context.Context, e event.SignedUp) error {
			done = append(done, name)
			if name == "billing" && e.Name == "Bob" {
				return errors.New("billing is away")
			}
			return nil
		}
	}
	s := newSite(t, do("welcome"), do("billing"))
	if w := s.send("POST", "/signup-sync", asJSON, alice); w.Code != http.StatusCreated || strings.Join(done, " ") != "welcome billing" || !s.answers[0].Sync {
		t.Errorf("got %d %s after %v", w.Code, w.Body, done)
	}
	w := s.send("POST", "/signup-sync", asJSON, strings.NewReplacer("alice", "bob", "Alice", "Bob").Replace(alice))
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "will not be retried") || strings.Contains(w.Body.String(), "away") {
		t.Errorf("got %d %s, want that a task failed", w.Code, w.Body)
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for path, want := range map[string]int{"/": 200, "/reset": 200, "/assets/icon.svg": 200, "/nothing": 404, "/assets/nothing": 404} {
		if w := s.send("GET", path, "", ""); w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
	}
}
