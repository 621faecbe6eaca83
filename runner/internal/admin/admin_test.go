package admin_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/warren-mq/warren/runner/internal/admin"
	"github.com/warren-mq/warren/runner/internal/engine"
	"github.com/warren-mq/warren/schedule"
)

// fake is a runner with a queue q, which notes what is asked of it.
type fake struct {
	ready bool
	asked string
}

func (f *fake) Status() engine.Status {
	s := engine.Status{Ready: f.ready, Queues: []engine.QueueStatus{{Name: "q"}}}
	if !f.ready {
		s.Reasons = []string{"queue q is idle"}
	}
	return s
}

func (f *fake) note(queue, what string) error {
	if queue != "q" {
		return &engine.UnknownQueueError{Queue: queue}
	}
	f.asked = what
	return nil
}

func (f *fake) Pause(_ context.Context, queue string) error {
	return f.note(queue, "pause")
}

func (f *fake) Resume(_ context.Context, queue string) error {
	return f.note(queue, "resume")
}
func (f *fake) Scale(queue string, n int) error { return f.note(queue, strings.Repeat("|", n)) }
func (f *fake) ShowConfig() []byte              { return []byte("queues: []\n") }
func (f *fake) Schedules(context.Context) (schedule.State, error) {
	return schedule.State{Leader: "me"}, nil
}

const (
	secret        = "0123456789abcdef"
	metricsSecret = "metrics-89abcdef"
)

func handler(f *fake, token string) http.Handler {
	return admin.Handler(admin.Options{
		Runner: f, Token: func() (string, error) { return token, nil }, Logger: slog.New(slog.DiscardHandler),
		MetricsToken: func() (string, error) { return metricsSecret, nil },
		Metrics:      http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("metrics")) }),
	})
}

func TestWhichRequestsAreAnswered(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		token, method, target string
		header                map[string]string
		want                  int
	}{
		"anyone may ask whether it lives":                      {secret, "GET", "http://pod/livez", nil, 200},
		"anyone may ask whether it is ready":                   {secret, "GET", "http://pod/readyz", nil, 503},
		"a program of this machine needs no token on loopback": {"", "GET", "http://127.0.0.1:1/api/status", nil, 200},
		"localhost is this machine":                            {"", "GET", "http://localhost:1/api/status", nil, 200},
		"so is ::1":                                            {"", "GET", "http://[::1]:1/api/status", nil, 200},
		"a name that a web page points here is refused":        {"", "GET", "http://evil.example:1/api/status", nil, 403},
		"the token opens":                                      {secret, "GET", "http://pod/api/status", map[string]string{"Authorization": "Bearer " + secret}, 200},
		"metrics need the token too":                           {secret, "GET", "http://pod/metrics", nil, 401},
		"the token opens the metrics":                          {secret, "GET", "http://pod/metrics", map[string]string{"Authorization": "Bearer " + secret}, 200},
		"the metrics token opens the metrics":                  {secret, "GET", "http://pod/metrics", map[string]string{"Authorization": "Bearer " + metricsSecret}, 200},
		"the metrics token does not open the status":           {secret, "GET", "http://pod/api/status", map[string]string{"Authorization": "Bearer " + metricsSecret}, 401},
		"the metrics token does not pause a queue":             {secret, "POST", "http://pod/api/queues/q/pause", map[string]string{"Authorization": "Bearer " + metricsSecret}, 401},
		"a wrong token does not open":                          {secret, "GET", "http://pod/api/status", map[string]string{"Authorization": "Bearer 0123456789abcdeX"}, 401},
		"a token of another kind does not open":                {secret, "GET", "http://pod/api/status", map[string]string{"Authorization": secret}, 401},
		"a web page of another origin may change nothing": {
			"", "POST", "http://127.0.0.1:1/api/queues/q/pause",
			map[string]string{"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"},
			403,
		},
		"to change something is no GET":          {"", "GET", "http://127.0.0.1:1/api/queues/q/pause", nil, 405},
		"there is nothing at a path of no one's": {"", "GET", "http://127.0.0.1:1/api/nothing", nil, 404},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			request := httptest.NewRequest(tt.method, tt.target, http.NoBody)
			request.RemoteAddr = "127.0.0.1:5000"
			for k, v := range tt.header {
				request.Header.Set(k, v)
			}
			f, answer := new(fake), httptest.NewRecorder()
			handler(f, tt.token).ServeHTTP(answer, request)
			if answer.Code != tt.want {
				t.Errorf("status %d, want %d: %s", answer.Code, tt.want, answer.Body)
			}
			if f.asked != "" {
				t.Errorf("the runner was asked to %s", f.asked)
			}
		})
	}
}

// TestALoopbackHostFromElsewhereIsRefused: the client chooses the Host.
func TestALoopbackHostFromElsewhereIsRefused(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/api/status", "/metrics"} {
		request := httptest.NewRequest(http.MethodGet, "http://localhost:8081"+path, http.NoBody)
		request.RemoteAddr = "203.0.113.5:5000"
		answer := httptest.NewRecorder()
		handler(new(fake), "").ServeHTTP(answer, request)
		if answer.Code < 400 {
			t.Errorf("%s: status %d, want a refusal", path, answer.Code)
		}
	}
}

// TestReadyzShowsReasonsOnlyWithTheToken: its reasons name users and virtual hosts.
func TestReadyzShowsReasonsOnlyWithTheToken(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		remote, host, bearer string
		told                 bool
	}{
		"an orchestrator is not told":         {"10.0.0.7:4000", "pod", "", false},
		"who has the token is told":           {"10.0.0.7:4000", "pod", "Bearer " + secret, true},
		"a program of this machine is told":   {"127.0.0.1:4000", "127.0.0.1:9090", "", true},
		"a name that was pointed here is not": {"127.0.0.1:4000", "evil.example", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			request := httptest.NewRequest(http.MethodGet, "http://"+tt.host+"/readyz", http.NoBody)
			request.RemoteAddr = tt.remote
			request.Header.Set("Authorization", tt.bearer)
			answer := httptest.NewRecorder()
			handler(new(fake), secret).ServeHTTP(answer, request)
			if answer.Code != http.StatusServiceUnavailable || strings.Contains(answer.Body.String(), "queue q is idle") != tt.told {
				t.Errorf("got %d %s, want 503 with the reason: %v", answer.Code, answer.Body, tt.told)
			}
		})
	}
}

func TestClientAndServer(t *testing.T) {
	t.Parallel()
	f := &fake{ready: true}
	ctx, stop := context.WithCancel(t.Context())
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() {
		served <- admin.Serve(ctx, l, admin.Options{
			Runner: f, Token: func() (string, error) { return secret, nil }, Logger: slog.New(slog.DiscardHandler),
		})
	}()
	c := admin.Client{Address: l.Addr().String(), Token: secret}
	if s, err := c.Status(ctx); err != nil || !s.Ready || len(s.Queues) != 1 {
		t.Errorf("status %+v, %v", s, err)
	}
	if s, err := c.Schedules(ctx); err != nil || s.Leader != "me" {
		t.Errorf("schedules %+v, %v", s, err)
	}
	for want, do := range map[string]func() (engine.Status, error){
		"pause": func() (engine.Status, error) { return c.Pause(ctx, "q") },
		"|||":   func() (engine.Status, error) { return c.Scale(ctx, "q", 3) },
	} {
		if _, err := do(); err != nil || f.asked != want {
			t.Errorf("asked %q, %v; want %q", f.asked, err, want)
		}
	}
	if _, err := c.Resume(ctx, "a/b"); err == nil || err.Error() != `runner: unknown queue "a/b"` {
		t.Errorf("got %v, want that there is no such queue", err)
	}
	if _, err := c.Scale(ctx, "q", 0); err == nil || !strings.Contains(err.Error(), "from 1 to 32767") {
		t.Errorf("got %v, want the bounds", err)
	}
	if _, err := (admin.Client{Address: c.Address}).Status(ctx); err == nil || !strings.Contains(err.Error(), "admin.token") {
		t.Errorf("got %v, want that a token is needed", err)
	}
	stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
	if _, err := c.Status(t.Context()); !errors.Is(err, admin.ErrNotRunning) {
		t.Errorf("got %v, want ErrNotRunning", err)
	}
}

// TestServeEndsRequestsThatTakeTooLong, and returns no error: the end of the runner is clean.
func TestServeEndsRequestsThatTakeTooLong(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it does not block
	if err != nil {
		t.Fatal(err)
	}
	began, cancelled := make(chan struct{}), make(chan struct{})
	slow := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(began)
		<-r.Context().Done()
		close(cancelled)
	})
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() {
		served <- admin.Serve(ctx, l, admin.Options{
			Runner: new(fake), Token: func() (string, error) { return "", nil }, Metrics: slow, Logger: slog.New(slog.DiscardHandler),
		})
	}()
	asked := make(chan error, 1)
	go func() {
		answer, err := http.Get("http://" + l.Addr().String() + "/metrics") //nolint:noctx // the server ends it
		if err == nil {
			err = answer.Body.Close()
		}
		asked <- err
	}()
	<-began
	stop()
	if err := <-served; err != nil {
		t.Errorf("Serve returned %v, want nil", err)
	}
	<-cancelled
	if err := <-asked; err == nil {
		t.Error("the request has an answer, want a closed connection")
	}
	http.DefaultClient.CloseIdleConnections()
}
