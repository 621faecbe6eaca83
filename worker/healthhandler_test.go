package worker_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/worker"
)

const healthSecret = "0123456789abcdef"

// probe asks a handler whose worker is, or is not, ready.
func probe(t *testing.T, ready bool, token func() (string, error), r *http.Request) (status int, body string) {
	t.Helper()
	h := worker.Health{Ready: ready, Queues: []worker.QueueHealth{{Name: "q", State: worker.StateConsuming, Concurrency: 2}}}
	if !ready {
		h.Reasons = []string{"consuming connection: access refused for user alice at vhost orders"}
		h.Queues[0].State, h.Queues[0].Err = worker.StateIdle, errors.New("access to alice's queue refused")
	}
	answer := httptest.NewRecorder()
	worker.HealthHandler(func() worker.Health { return h }, token).ServeHTTP(answer, r)
	if answer.Code < 400 || answer.Code == http.StatusServiceUnavailable {
		if !json.Valid(answer.Body.Bytes()) || answer.Header().Get("Content-Type") != "application/json" {
			t.Errorf("the answer is no JSON: %s", answer.Body)
		}
	}
	return answer.Code, strings.TrimSpace(answer.Body.String())
}

func TestHealthHandlerShowsDetailsOnlyToWhoMaySeeThem(t *testing.T) {
	t.Parallel()
	const plain, detailed = `{"status":"not ready"}`, "alice"
	for _, tt := range []struct {
		name, remote, host, token string // the token the handler has
		header                    [2]string
		details                   bool
	}{
		{"an orchestrator sees the status alone", "10.0.0.7:4000", "pod:8080", healthSecret, [2]string{}, false},
		{"without a token nobody but the loopback sees more", "10.0.0.7:4000", "pod:8080", "", [2]string{"Authorization", "Bearer "}, false},
		{"the token shows the details", "10.0.0.7:4000", "pod:8080", healthSecret, [2]string{"Authorization", "Bearer " + healthSecret}, true},
		{"a wrong token does not", "10.0.0.7:4000", "pod:8080", healthSecret, [2]string{"Authorization", "Bearer 0123456789abcdeX"}, false},
		{"a token of another kind does not", "10.0.0.7:4000", "pod:8080", healthSecret, [2]string{"Authorization", healthSecret}, false},
		{"a program of this machine sees them", "127.0.0.1:4000", "127.0.0.1:8080", healthSecret, [2]string{}, true},
		{"also over IPv6, by name", "[::1]:4000", "localhost:8080", "", [2]string{}, true},
		{"a page that points its name here does not", "127.0.0.1:4000", "evil.example:8080", "", [2]string{}, false},
		{"a proxy on this machine does not", "127.0.0.1:4000", "localhost:8080", "", [2]string{"X-Forwarded-For", "203.0.113.9"}, false},
		{"a loopback name from elsewhere does not", "203.0.113.9:4000", "localhost:8080", "", [2]string{}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(http.MethodGet, "http://"+tt.host+"/readyz", http.NoBody)
			r.RemoteAddr = tt.remote
			if tt.header[0] != "" {
				r.Header.Set(tt.header[0], tt.header[1])
			}
			status, body := probe(t, false, func() (string, error) { return tt.token, nil }, r)
			if status != http.StatusServiceUnavailable {
				t.Errorf("status %d, want 503", status)
			}
			if got := strings.Contains(body, detailed); got != tt.details || !tt.details && body != plain {
				t.Errorf("the body is %s, want details: %v", body, tt.details)
			}
		})
	}
}

func TestHealthHandlerAnswersProbesWhereverItIsMounted(t *testing.T) {
	t.Parallel()
	noToken := func() (string, error) { return "", errors.New("boom") }
	for _, tt := range []struct {
		name, method, path string
		ready              bool
		status             int
		body               string
	}{
		{"a ready worker is ready", http.MethodGet, "/readyz", true, 200, `{"status":"ready"}`},
		{"below a prefix", http.MethodGet, "/health/worker/readyz", true, 200, `{"status":"ready"}`},
		{"one that is not ready is not", http.MethodGet, "/readyz", false, 503, `{"status":"not ready"}`},
		{"it lives although it is not ready", http.MethodGet, "/x/livez", false, 200, `{"status":"live"}`},
		{"HEAD is answered", http.MethodHead, "/readyz", true, 200, ""},
		{"POST is refused", http.MethodPost, "/readyz", true, 405, "want GET or HEAD"},
		{"another path is not found", http.MethodGet, "/readyz/queues", true, 404, "404 page not found"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			status, body := probe(t, tt.ready, noToken, httptest.NewRequest(tt.method, "http://pod"+tt.path, http.NoBody))
			if status != tt.status || tt.body != "" && body != tt.body {
				t.Errorf("got %d %s, want %d %s", status, body, tt.status, tt.body)
			}
		})
	}
}

func TestHealthHandlerOfAWorker(t *testing.T) {
	t.Parallel()
	w := oneWorker(worker.Config{Broker: broker.Config{URL: "amqp://127.0.0.1:1/"}}, worker.Queue{Name: "q"})
	r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1/readyz", http.NoBody)
	r.RemoteAddr = "127.0.0.1:4000"
	answer := httptest.NewRecorder()
	w.HealthHandler(nil).ServeHTTP(answer, r)
	if answer.Code != http.StatusServiceUnavailable || !strings.Contains(answer.Body.String(), `"queue q is starting"`) {
		t.Errorf("got %d %s, want that q is starting", answer.Code, answer.Body)
	}
}
