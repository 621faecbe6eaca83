package service_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/warren-mq/warren/examples/signup/internal/account"
	"github.com/warren-mq/warren/examples/signup/internal/event"
	"github.com/warren-mq/warren/internal/rabbit"
)

func TestTheLinkOfAMailConfirmsTheAddress(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.send("POST", "/signup", asJSON, alice)
	id := s.answers[0].ID
	hour := time.Now().Add(time.Hour)
	for name, tt := range map[string]struct {
		token  string
		status int
		says   string
	}{
		"the link":                  {signer.Sign("verify", id, hour), 200, "alice@example.com is confirmed"},
		"a link for something else": {signer.Sign("reset", id, hour), 403, "is invalid"},
		"a link that has expired":   {signer.Sign("verify", id, time.Now().Add(-time.Hour)), 403, "expired"},
		"a link to nobody":          {signer.Sign("verify", "nobody", hour), 403, "is invalid"},
		"no token":                  {"", 403, "is invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			w := s.send("GET", "/verify?token="+tt.token, "", "")
			if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.says) {
				t.Errorf("got %d %s, want %d with %q", w.Code, w.Body, tt.status, tt.says)
			}
		})
	}
	if a, err := s.store.ByID(t.Context(), id); a.VerifiedAt.IsZero() || err != nil {
		t.Errorf("got %+v, %v; want it verified", a, err)
	}
}

func TestAPasswordResetIsUrgentAndItsLinkIsGoodOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.send("POST", "/signup", asJSON, alice)
	known, unknown := s.send("POST", "/reset", asForm, "email=Alice@example.com"), s.send("POST", "/reset", asForm, "email=bob@example.com")
	if known.Code != http.StatusAccepted || known.Code != unknown.Code || known.Body.String() != unknown.Body.String() {
		t.Errorf("got %d for an account and %d for none, want the same answer", known.Code, unknown.Code)
	}
	e, nobody := s.askedFor(t), s.askedFor(t)
	if e.Email != "alice@example.com" || nobody.AccountID != "" || nobody.Email != "" || rabbit.Depth(t, s.channel, s.name) != 0 {
		t.Fatalf("got %+v and %+v; want one reset for alice, and the same work for nobody", e, nobody)
	}
	token := signer.Sign("reset", e.AccountID+"."+e.Stamp, time.Now().Add(time.Minute))
	if w := s.send("GET", "/reset/confirm?token="+token, "", ""); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), token) {
		t.Errorf("the form: %d %s", w.Code, w.Body)
	}
	for _, tt := range []struct {
		password string
		status   int
	}{{"short", 422}, {"battery staple", 200}, {"battery staple", 403}} {
		form := url.Values{"token": {token}, "password": {tt.password}}.Encode()
		if w := s.send("POST", "/reset/confirm", asForm, form); w.Code != tt.status {
			t.Errorf("%s: %d %s, want %d", tt.password, w.Code, w.Body, tt.status)
		}
	}
	a, err := s.store.ByID(t.Context(), e.AccountID)
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := account.NewHasher().Matches(t.Context(), "battery staple", a.PasswordHash); !ok || err != nil {
		t.Errorf("the new password: %v, %v", ok, err)
	}
	if w := s.send("GET", "/reset/confirm?token="+token, "", ""); w.Code != http.StatusForbidden {
		t.Errorf("the link again: %d, want 403", w.Code)
	}
}

// askedFor returns the first reset that was published.
func (s *site) askedFor(t *testing.T) (e event.PasswordReset) {
	t.Helper()
	m, ok, err := s.channel.Get(s.name, true)
	if err != nil || !ok || m.RoutingKey != event.PasswordResetKey || m.Priority != 10 {
		t.Fatalf("got %s at %d, %v; want a reset at priority 10", m.RoutingKey, m.Priority, err)
	}
	if err := json.Unmarshal(m.Body, &e); err != nil {
		t.Fatal(err)
	}
	return e
}

func TestALinkWaitsForADatabaseThatIsAway(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	if err := s.store.DB.Close(); err != nil {
		t.Fatal(err)
	}
	hour := time.Now().Add(time.Hour)
	reset := url.Values{"token": {signer.Sign("reset", "id.stamp", hour)}, "password": {"battery staple"}}.Encode()
	for name, w := range map[string]*httptest.ResponseRecorder{
		"verify":           s.send("GET", "/verify?token="+signer.Sign("verify", "id", hour), "", ""),
		"a new password":   s.send("GET", "/reset/confirm?"+reset, "", ""),
		"set the password": s.send("POST", "/reset/confirm", asForm, reset),
		"reset":            s.send("POST", "/reset", asForm, "email=alice@example.com"),
		"sign-up":          s.send("POST", "/signup", asJSON, alice),
	} {
		if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
			t.Errorf("%s: %d %s, want %d", name, w.Code, w.Body, http.StatusServiceUnavailable)
		}
	}
}
