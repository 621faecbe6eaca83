package admin

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/warren-mq/warren/internal/access"
	"github.com/warren-mq/warren/internal/printable"
	"github.com/warren-mq/warren/runner/internal/engine"
	"github.com/warren-mq/warren/schedule"
	"github.com/warren-mq/warren/worker"
)

// Runner is the runner that the server reports on and controls.
type Runner interface {
	Status() engine.Status
	Pause(ctx context.Context, queue string) error
	Resume(ctx context.Context, queue string) error
	Scale(queue string, concurrency int) error
	Schedules(ctx context.Context) (schedule.State, error)
	// ShowConfig returns the current configuration, as YAML without secrets.
	ShowConfig() []byte
}

// Options configure a server.
type Options struct {
	Runner Runner
	// Token returns the token that clients must send. It may be empty only on loopback.
	Token func() (string, error)
	// MetricsToken returns a second token for /metrics. It may be nil or return "".
	MetricsToken func() (string, error)
	Metrics      http.Handler // nil if metrics are not served
	Console      http.Handler // checks the token itself; nil if the console is not served
	Logger       *slog.Logger
}

// Serve answers requests until ctx is done.
func Serve(ctx context.Context, l net.Listener, o Options) error {
	server := &http.Server{
		Handler: Handler(o), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second,
		WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(o.Logger.Handler(), slog.LevelWarn),
	}
	base, cancelRequests := context.WithCancel(context.WithoutCancel(ctx))
	defer cancelRequests()
	server.BaseContext = func(net.Listener) context.Context { return base }
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	stopping, cancel := context.WithTimeout(base, requestTime)
	defer cancel()
	if err := server.Shutdown(stopping); !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	o.Logger.Info("runner: admin interface: cancelling requests that did not end in time", "time", requestTime)
	cancelRequests()
	return server.Close()
}

// requestTime is how long requests may continue when the server stops.
const requestTime = 5 * time.Second

// Handler returns the handler of all requests. /livez and /readyz need no token, but show
// reasons only on loopback or with the token. /metrics needs the token or the metrics
// token, the console checks the token itself, and all other paths need the token. If no token is
// set, only requests from this machine to a loopback address are answered, without a proxy, and not
// those of web pages that use another name for the address.
func Handler(o Options) http.Handler {
	s := &server{o}
	private := http.NewServeMux()
	private.HandleFunc("GET /api/status", s.status)
	private.HandleFunc("GET /api/schedules", s.schedules)
	private.HandleFunc("GET /api/config", s.config)
	private.HandleFunc("POST /api/queues/{queue}/pause", s.control(s.Runner.Pause))
	private.HandleFunc("POST /api/queues/{queue}/resume", s.control(s.Runner.Resume))
	private.HandleFunc("POST /api/queues/{queue}/scale", s.scale)
	all := http.NewServeMux()
	probes := worker.HealthHandler(s.health, o.Token)
	all.Handle("/livez", probes)
	all.Handle("/readyz", probes)
	if o.Metrics != nil {
		all.Handle("GET /metrics", s.protect(o.Metrics, s.MetricsToken))
	}
	if o.Console != nil {
		all.Handle("/console/", o.Console)
	}
	all.Handle("/", s.protect(private, nil))
	return http.NewCrossOriginProtection().Handler(all)
}

type server struct{ Options }

// protect answers only requests with the token, or with the second token if it is set.
func (s *server) protect(next http.Handler, other func() (string, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, err := s.Token()
		second := ""
		if other != nil && err == nil {
			second, err = other()
		}
		shown, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !bearer {
			shown = ""
		}
		switch {
		case err != nil:
			s.Logger.Error("runner: admin token", "error", err)
			refuse(w, http.StatusInternalServerError, errors.New("runner: reading the admin token failed; see the runner's log"))
		case access.IsToken(shown, token), access.IsToken(shown, second), token == "" && access.IsLocal(r):
			next.ServeHTTP(w, r)
		case token == "" && second == "":
			refuse(w, http.StatusForbidden, errors.New("runner: no token is set, want requests from this machine to a loopback address, and not through a proxy; or set admin.token"))
		default:
			w.Header().Set("WWW-Authenticate", "Bearer")
			refuse(w, http.StatusUnauthorized, errors.New("runner: the token is missing or wrong, want Authorization: Bearer and the token of admin.token"))
		}
	})
}

// health answers probes. The state of the queues is in /api/status.
func (s *server) health() worker.Health {
	status := s.Runner.Status()
	return worker.Health{Ready: status.Ready, Reasons: status.Reasons, Warnings: status.Warnings}
}

func (s *server) status(w http.ResponseWriter, _ *http.Request) { respond(w, s.Runner.Status()) }

func (s *server) schedules(w http.ResponseWriter, r *http.Request) {
	state, err := s.Runner.Schedules(r.Context())
	if err != nil {
		refuse(w, http.StatusBadGateway, err)
		return
	}
	respond(w, state)
}

func (s *server) config(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/yaml")
	_, _ = w.Write(s.Runner.ShowConfig()) // an error means that the client has closed the connection
}

func (s *server) control(do func(ctx context.Context, queue string) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		queue := r.PathValue("queue")
		s.finish(w, do(r.Context(), queue), "runner: controlled", "queue", queue, "request", r.URL.Path)
	}
}

// Scaling is the body of a request to scale.
type Scaling struct {
	Concurrency int `json:"concurrency"`
}

const maxConcurrency = 32767 // the default prefetch is twice as large, and AMQP allows 65535

func (s *server) scale(w http.ResponseWriter, r *http.Request) {
	var wanted Scaling
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<10))
	d.DisallowUnknownFields()
	if err := d.Decode(&wanted); err != nil || wanted.Concurrency < 1 || wanted.Concurrency > maxConcurrency {
		refuse(w, http.StatusBadRequest, errors.New(`runner: the body is not valid, want {"concurrency": N} with N from 1 to 32767`))
		return
	}
	queue := r.PathValue("queue")
	s.finish(w, s.Runner.Scale(queue, wanted.Concurrency), "runner: scaled", "queue", queue, "concurrency", wanted.Concurrency)
}

// finish answers a request to change something with the state after it, and logs it.
func (s *server) finish(w http.ResponseWriter, err error, did string, args ...any) {
	if err != nil {
		status := http.StatusInternalServerError
		if errors.As(err, new(*engine.UnknownQueueError)) {
			status = http.StatusNotFound
		}
		refuse(w, status, err)
		return
	}
	s.Logger.Info(did, args...)
	respond(w, s.Runner.Status())
}

func respond(w http.ResponseWriter, v any) { writeJSON(w, http.StatusOK, v) }

type failure struct {
	Error string `json:"error"`
}

func refuse(w http.ResponseWriter, status int, err error) { writeJSON(w, status, failure{err.Error()}) }

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(printable.JSONWriter(w)).Encode(v) //nolint:errchkjson // plain data; other errors mean that the client has closed the connection
}
