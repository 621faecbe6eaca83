package web_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"go.uber.org/goleak"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/examples/signup/account"
	"github.com/warren-mq/warren/examples/signup/event"
	"github.com/warren-mq/warren/examples/signup/web"
	"github.com/warren-mq/warren/internal/rabbit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	asJSON = "application/json"
	asForm = "application/x-www-form-urlencoded"
)

// site is the service on an exchange and a queue of the test's own.
type site struct {
	handler  http.Handler
	accounts *account.Store
	channel  *amqp.Channel
	name     string // of the exchange, and of the queue that gets all its events
}

func newSite(t *testing.T) *site {
	t.Helper()
	name, ch := rabbit.Queue(t), rabbit.Channel(t, rabbit.URL(t))
	if err := ch.ExchangeDeclare(name, "topic", false, true, false, false, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := ch.QueueDeclare(name, false, true, true, false, amqp.Table{"x-max-priority": 10}); err != nil {
		t.Fatal(err)
	}
	if err := ch.QueueBind(name, "#", name, false, nil); err != nil {
		t.Fatal(err)
	}
	return serveAt(t, broker.Config{URL: rabbit.URL(t)}, ch, name)
}

func serveAt(t *testing.T, c broker.Config, ch *amqp.Channel, exchange string) *site {
	t.Helper()
	pub := broker.NewPublisher(c, exchange)
	t.Cleanup(func() {
		if err := pub.Close(); err != nil {
			t.Error(err)
		}
	})
	accounts := account.NewStore()
	return &site{web.New(accounts, pub, slog.New(slog.DiscardHandler)), accounts, ch, exchange}
}

func (s *site) post(path, contentType, body string, change ...func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	for _, f := range change {
		f(r)
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w
}

func chunked(r *http.Request)   { r.ContentLength = -1 }
func crossSite(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }

func TestSignUpAnswersWhatItThinksOfTheInput(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	if w := s.post("/signup", asJSON, `{"email":"taken@example.test","name":"First"}`); w.Code != http.StatusAccepted {
		t.Fatalf("the first sign-up: %d %s", w.Code, w.Body)
	}
	large := `{"email":"a@example.test","name":"` + strings.Repeat("x", 5000) + `"}`
	for _, tt := range []struct {
		name, kind, body string
		change           func(*http.Request)
		status           int
		says             string
	}{
		{"JSON is accepted", asJSON, `{"email":"a@example.test","name":"A"}`, nil, 202, "took_ms"},
		{"JSON with a charset is accepted", asJSON + "; charset=utf-8", `{"email":"b@example.test","name":"B"}`, nil, 202, "id"},
		{"a form is accepted", asForm, "email=c%2Bd@example.test&name=C", nil, 202, "id"},
		{"an address that has an account", asJSON, `{"email":"TAKEN@example.test","name":"B"}`, nil, 409, "already"},
		{"half an object", asJSON, `{"email":`, nil, 400, "unexpected EOF"},
		{"nothing", asJSON, ``, nil, 400, "EOF"},
		{"more than one object", asJSON, `{"email":"e@example.test","name":"E"}{}`, nil, 400, "more after"},
		{"an unknown field", asJSON, `{"mail":"e@example.test"}`, nil, 400, "unknown field"},
		{"a number for an address", asJSON, `{"email":1}`, nil, 400, "cannot unmarshal"},
		{"a form with a bad escape", asForm, "email=%zz", nil, 400, "invalid URL escape"},
		{"a content type nobody reads", "text/plain", `{}`, nil, 415, "want application/json"},
		{"no content type", "", `{}`, nil, 415, "want application/json"},
		{"a body that says it is too large", asJSON, large, nil, 413, "at most 4096"},
		{"a body that turns out too large", asJSON, large, chunked, 413, "at most 4096"},
		{"a form that turns out too large", asForm, "name=" + large, chunked, 413, "at most 4096"},
		{"no address", asJSON, `{"name":"A"}`, nil, 422, "want an address"},
		{"no address at all", asJSON, `{"email":"alice","name":"A"}`, nil, 422, "want an address"},
		{"an address with a name", asJSON, `{"email":"A <a@example.test>","name":"A"}`, nil, 422, "bare address"},
		{"two lines in an address", asForm, "email=a@example.test%0d%0aBcc:b@example.test&name=A", nil, 422, "email"},
		{"too long an address", asJSON, `{"email":"` + strings.Repeat("x", 250) + `@example.test","name":"A"}`, nil, 422, "254"},
		{"no name", asJSON, `{"email":"f@example.test","name":" "}`, nil, 422, "name is empty"},
		{"too long a name", asJSON, `{"email":"f@example.test","name":"` + strings.Repeat("é", 101) + `"}`, nil, 422, "101 characters"},
		{"two lines in a name", asJSON, `{"email":"f@example.test","name":"A\nB"}`, nil, 422, "control characters"},
		{"a name that is not text", asForm, "email=f@example.test&name=%ff", nil, 422, "control characters"},
		{"a form on another site", asForm, "email=g@example.test&name=G", crossSite, 403, "cross-origin"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var changes []func(*http.Request)
			if tt.change != nil {
				changes = append(changes, tt.change)
			}
			w := s.post("/signup", tt.kind, tt.body, changes...)
			if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.says) {
				t.Errorf("got %d %s, want %d with %q", w.Code, w.Body, tt.status, tt.says)
			}
		})
	}
}

func TestSignUpPublishesOneEventOfTheAccount(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	w := s.post("/signup", asForm, "email=alice@example.test&name=Alice")
	var answer struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		t.Fatal(err)
	}
	if got, want := w.Header().Get("Location"), "/accounts/"+answer.ID; got != want {
		t.Errorf("Location is %q, want %q", got, want)
	}
	m := s.next(t)
	want := `{"id":"` + answer.ID + `","email":"alice@example.test","name":"Alice"}`
	if m.RoutingKey != event.SignedUp || string(m.Body) != want || m.CorrelationId != answer.ID || m.Priority != 0 {
		t.Errorf("got %s %s for %q at priority %d, want %s for the account at 0", m.RoutingKey, m.Body, m.CorrelationId, m.Priority, want)
	}
	if n := rabbit.Depth(t, s.channel, s.name); n != 0 {
		t.Errorf("%d further events, want none", n)
	}
}

func TestResendPublishesAnUrgentEvent(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	if w := s.post("/verify/resend", asForm, "email=alice@example.test"); w.Code != http.StatusNotFound {
		t.Errorf("nobody's address: %d, want 404", w.Code)
	}
	s.post("/signup", asForm, "email=alice@example.test&name=Alice")
	s.next(t)
	if w := s.post("/verify/resend", asForm, "email=Alice@example.test"); w.Code != http.StatusAccepted {
		t.Fatalf("got %d %s, want 202", w.Code, w.Body)
	}
	if m := s.next(t); m.RoutingKey != event.VerificationRequested || m.Priority != 9 {
		t.Errorf("got %s at priority %d, want %s at 9", m.RoutingKey, m.Priority, event.VerificationRequested)
	}
}

// next returns the event at the head of the queue. What is confirmed is there.
func (s *site) next(t *testing.T) amqp.Delivery {
	t.Helper()
	m, ok, err := s.channel.Get(s.name, true)
	if err != nil || !ok {
		t.Fatalf("no event in %s: %v", s.name, err)
	}
	return m
}

func TestWhatCannotBePublishedIsNotSaved(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		site func(*testing.T) *site
	}{
		{"no queue takes the event", func(t *testing.T) *site {
			t.Helper()
			s := newSite(t)
			if err := s.channel.QueueBind(s.name, "other", s.name, false, nil); err != nil { // keeps the exchange
				t.Fatal(err)
			}
			if err := s.channel.QueueUnbind(s.name, "#", s.name, nil); err != nil {
				t.Fatal(err)
			}
			return s
		}},
		{"there is no exchange", func(t *testing.T) *site {
			t.Helper()
			return serveAt(t, broker.Config{URL: rabbit.URL(t)}, nil, rabbit.Queue(t))
		}},
		{"there is no broker", func(t *testing.T) *site {
			t.Helper()
			return serveAt(t, broker.Config{URL: "amqp://127.0.0.1:1/", StartupTimeout: 100 * time.Millisecond}, nil, "events")
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := tt.site(t)
			for range 2 { // were the first saved, the second would be a 409
				w := s.post("/signup", asForm, "email=alice@example.test&name=Alice")
				if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "nothing was saved") {
					t.Errorf("got %d %s, want 503 that says nothing was saved", w.Code, w.Body)
				}
			}
			if _, ok := s.accounts.ByEmail("alice@example.test"); ok {
				t.Error("the account was saved")
			}
		})
	}
}

func TestTheAccountShowsWhatTheWorkersDid(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	a, err := account.New("alice@example.test", "Alice")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.accounts.Add(a); err != nil {
		t.Fatal(err)
	}
	s.accounts.Note(a.ID, account.Step{Queue: "welcome-email", Event: event.SignedUp, Attempt: 1, Outcome: "retry", Error: "busy"})
	s.accounts.Note(a.ID, account.Step{Queue: "welcome-email", Event: event.SignedUp, Attempt: 2, Outcome: "ack"})
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/accounts/"+a.ID, nil))
	for _, want := range []string{`"welcome_sent": true`, `"verification_sent": false`, `"counted": false`, `"attempt": 2`, `"error": "busy"`} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("the page lacks %s:\n%s", want, w.Body)
		}
	}
	w = httptest.NewRecorder()
	s.handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/accounts/nobody", nil))
	if w.Code != http.StatusNotFound {
		t.Errorf("nobody's account: %d, want 404", w.Code)
	}
}
