package service_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/warren-mq/warren/examples/signup/internal/event"
)

// own matches what differs in every answer: the id and the duration.
var own = regexp.MustCompile(`[A-Z2-7]{26}|"took_ms":[0-9.]+|dur=[0-9.]+|data-ms="[0-9.]+"|<strong>[0-9.]+ m?s</strong>`)

// seen returns everything that a visitor sees of an answer.
func seen(w *httptest.ResponseRecorder) string {
	return own.ReplaceAllString(fmt.Sprint(w.Code, w.Header(), w.Body), "…")
}

func TestAnAddressWithAnAccountGetsTheAnswerOfANewOne(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ path, kind, body string }{
		"JSON":         {"/signup", asJSON, alice},
		"a form":       {"/signup", asForm, aliceForm},
		"JSON in line": {"/signup-sync", asJSON, alice},
		"form in line": {"/signup-sync", asForm, aliceForm},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, func(context.Context, event.SignedUp) error { return nil })
			first, again := s.send("POST", tt.path, tt.kind, tt.body), s.send("POST", tt.path, tt.kind, tt.body)
			if first.Code != http.StatusCreated || seen(first) != seen(again) {
				t.Errorf("got %s\nand then %s\nwant equal answers", seen(first), seen(again))
			}
			if a := s.answers; a[0].Known || !a[1].Known || a[0].ID == a[1].ID || s.hashed != 2 {
				t.Errorf("got %+v with %d hashes, want the second one known, with a new id and a hash", a, s.hashed)
			}
			if n, err := s.store.Count(t.Context()); n != 1 || err != nil {
				t.Errorf("there are %d accounts, %v; want 1", n, err)
			}
		})
	}
}

func TestTheMailToAnOwnerUsesTheAddressAsItWasWritten(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.send("POST", "/signup", asJSON, alice)
	s.send("POST", "/signup", asJSON, strings.NewReplacer("alice", "ALICE", "Alice", "Mallory").Replace(alice))
	var aggregate, body string
	if err := s.store.DB.QueryRowContext(t.Context(), "SELECT aggregate, body FROM warren_outbox WHERE routing_key = $1", event.SignUpKnownKey).
		Scan(&aggregate, &body); err != nil {
		t.Fatal(err)
	}
	var e event.SignUpKnown
	if err := json.Unmarshal([]byte(body), &e); err != nil {
		t.Fatal(err)
	}
	if e.Email != "alice@example.com" || e.Name != "Alice" || e.ID != s.answers[1].ID || aggregate != e.ID {
		t.Errorf("got %+v of %s, want the owner's name and address, and the id of the second sign-up", e, aggregate)
	}
}

// The test leaves out the hash: it takes the same time in both cases, and would hide a
// difference.
func TestTheTimeOfAnAnswerDoesNotRevealAccounts(t *testing.T) {
	s := newSite(t)
	s.hash = func(context.Context, string) (string, error) { return "hash", nil }
	took := make([][]time.Duration, 2)
	for i := range 200 {
		body := strings.Replace(alice, "alice", fmt.Sprint("visitor-", i), 1)
		for known := range took {
			start := time.Now()
			s.send("POST", "/signup", asJSON, body)
			took[known] = append(took[known], time.Since(start))
		}
	}
	median := func(all []time.Duration) time.Duration { slices.Sort(all); return all[len(all)/2] }
	fresh, known := median(took[0]), median(took[1])
	t.Logf("the median of 200 answers without the hash: %v for a new address, %v for a known one", fresh, known)
	if ratio := float64(known) / float64(fresh); ratio < 0.5 || ratio > 2 {
		t.Errorf("a known address takes %.2f times as long as a new one, want about 1", ratio)
	}
}
