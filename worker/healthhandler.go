package worker

import (
	"encoding/json"
	"net/http"
	"path"
	"strings"

	"github.com/warren-mq/warren/internal/access"
)

// HealthHandler returns a handler for the probes of an orchestrator. It answers GET and
// HEAD on every path that ends in /livez or /readyz, so it can be mounted anywhere:
//
//   - /livez: always 200. A worker reconnects by itself; to restart it helps nothing.
//   - /readyz: 200 if health says Ready, else 503.
//
// The body is JSON: {"status":"ready"}, "not ready" or "live". The reasons, warnings and queues of
// /readyz are added only for requests from this machine to a loopback address, without a proxy
// or a Unix socket, and for requests with "Authorization: Bearer" and the token, since errors name users,
// virtual hosts and addresses. token is called for each request; if it is nil, or returns an
// error or no token, only the loopback sees the details.
func HealthHandler(health func() Health, token func() (string, error)) http.Handler {
	if token == nil {
		token = func() (string, error) { return "", nil }
	}
	return &healthHandler{health: health, token: token}
}

// HealthHandler returns a handler that answers probes with the worker's Health. See the
// function HealthHandler.
func (w *Worker) HealthHandler(token func() (string, error)) http.Handler {
	return HealthHandler(w.Health, token)
}

type healthHandler struct {
	health func() Health
	token  func() (string, error)
}

type healthAnswer struct {
	Status   string              `json:"status"`
	Reasons  []string            `json:"reasons,omitempty"`
	Warnings []string            `json:"warnings,omitempty"`
	Queues   []queueHealthAnswer `json:"queues,omitempty"`
}

type queueHealthAnswer struct {
	Name        string `json:"name"`
	State       string `json:"state"`
	Error       string `json:"error,omitempty"`
	InHand      int    `json:"in_hand"`
	Concurrency int    `json:"concurrency"`
	Overdue     int    `json:"overdue,omitempty"`
	Unconfirmed int    `json:"unconfirmed,omitempty"`
	Topology    string `json:"topology_error,omitempty"`
}

// ServeHTTP answers a probe.
func (h *healthHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	probe := path.Base(r.URL.Path)
	switch {
	case probe != "livez" && probe != "readyz":
		http.NotFound(w, r)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "want GET or HEAD", http.StatusMethodNotAllowed)
	case probe == "livez":
		answerHealth(w, http.StatusOK, healthAnswer{Status: "live"})
	default:
		h.ready(w, r)
	}
}

func (h *healthHandler) ready(w http.ResponseWriter, r *http.Request) {
	now := h.health()
	status, answer := http.StatusOK, healthAnswer{Status: "ready"}
	if !now.Ready {
		status, answer.Status = http.StatusServiceUnavailable, "not ready"
	}
	if access.IsLocal(r) || h.hasToken(r) {
		answer.Reasons, answer.Warnings = now.Reasons, now.Warnings
		for _, q := range now.Queues {
			answer.Queues = append(answer.Queues, q.answer())
		}
	}
	answerHealth(w, status, answer)
}

func (q QueueHealth) answer() queueHealthAnswer {
	a := queueHealthAnswer{
		Name: q.Name, State: q.State.String(), InHand: q.InHand, Concurrency: q.Concurrency,
		Overdue: q.Overdue, Unconfirmed: q.Unconfirmed,
	}
	if q.Err != nil {
		a.Error = q.Err.Error()
	}
	if q.TopologyErr != nil {
		a.Topology = q.TopologyErr.Error()
	}
	return a
}

func answerHealth(w http.ResponseWriter, status int, a healthAnswer) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(a) //nolint:errchkjson // plain data; a client that has gone does not matter
}

func (h *healthHandler) hasToken(r *http.Request) bool {
	shown, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	token, err := h.token()
	return ok && err == nil && access.IsToken(shown, token)
}
