package job_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"testing"
	"time"

	"github.com/warren-mq/warren/job"
	"github.com/warren-mq/warren/message"
)

// serve starts a server and returns a Webhook that posts to it.
func serve(t testing.TB, h http.HandlerFunc) job.Webhook {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return job.Webhook{URL: s.URL + "/secret/path", AllowPrivate: true}
}

func TestWebhookTurnsStatusesIntoOutcomes(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		status                     int
		after, body, want, wantEnd string
	}{
		"200 is done":                                 {200, "", "thanks", "ack", ""},
		"204 is done":                                 {204, "", "", "ack", ""},
		"301 is not followed":                         {301, "", "", "dead-letter", "301 Moved Permanently"},
		"307 is not followed":                         {307, "", "", "dead-letter", "307 Temporary Redirect"},
		"400 makes a dead letter with the body":       {400, "", "no\n such \x1b[31muser", "dead-letter", "400 Bad Request: no such user"},
		"401 makes a dead letter":                     {401, "", "", "dead-letter", "401 Unauthorized"},
		"404 makes a dead letter":                     {404, "9", "", "dead-letter", "404 Not Found"},
		"408 is tried again":                          {408, "", "", "retry", "408 Request Timeout"},
		"425 is tried again":                          {425, "", "", "retry", "425 Too Early"},
		"429 is tried again":                          {429, "", "", "retry", "429 Too Many Requests"},
		"429 is tried again after the seconds it has": {429, "7", "", "retry after 7s", "429 Too Many Requests"},
		"500 is tried again":                          {500, "", "sorry", "retry", "500 Internal Server Error: sorry"},
		"503 is tried again, at once if it says 0":    {503, "0", "", "retry after 0s", "503 Service Unavailable"},
		"503 is tried again, after an hour at most":   {503, "86400", "", "retry after 1h0m0s", "503 Service Unavailable"},
		"503 is tried again, at once at a date past":  {503, "Mon, 02 Jan 2006 15:04:05 GMT", "", "retry after 0s", "503 Service Unavailable"},
		"503 is tried again, whatever it asks for":    {503, "in a while", "", "retry", "503 Service Unavailable"},
		"599 is tried again":                          {599, "", "", "retry", "599"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/secret/path" {
					t.Errorf("a request for %s came", r.URL)
				}
				w.Header().Set("Location", "/elsewhere")
				w.Header().Set("Retry-After", tt.after)
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
			})
			err := handler(t, w).Handle(t.Context(), &message.Message{})
			if got := verdict(err); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			want := "job: POST " + strings.TrimSuffix(w.URL, "/secret/path") + ": " + tt.wantEnd
			if err != nil && err.Error() != want {
				t.Errorf("text is %q, want %q", err, want)
			}
		})
	}
}

func TestWebhookWaitsUntilTheDateThatRetryAfterHas(t *testing.T) {
	t.Parallel()
	w := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", time.Now().Add(30*time.Minute).UTC().Format(http.TimeFormat))
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	failed, ok := errors.AsType[*job.StatusError](handler(t, w).Handle(t.Context(), &message.Message{}))
	if !ok || failed.RetryAfter() < 28*time.Minute || failed.RetryAfter() > 30*time.Minute {
		t.Errorf("got %+v, want a pause of about 30 minutes", failed)
	}
}

func TestWebhookSaysWhyThereIsNoResponse(t *testing.T) {
	t.Parallel()
	hangs := func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // or the server does not see the client go
		<-r.Context().Done()
	}
	enough, cancel := context.WithCancelCause(t.Context())
	cancel(errEnough)
	tests := map[string]struct {
		ctx    context.Context
		server http.HandlerFunc
		change func(w *job.Webhook)
		want   string
		is     error
	}{
		"it does not come in time":         {t.Context(), hangs, func(w *job.Webhook) { w.Timeout = 50 * time.Millisecond }, "no response within 50ms", context.DeadlineExceeded},
		"its head does not come in time":   {t.Context(), hangs, func(w *job.Webhook) { w.HeaderTimeout = 50 * time.Millisecond }, "timeout awaiting response headers", nil},
		"the context is done":              {enough, hangs, func(*job.Webhook) {}, "enough", errEnough},
		"no server listens":                {t.Context(), hangs, func(w *job.Webhook) { w.URL = "http://127.0.0.1:1" }, "connection refused", nil},
		"the server closes the connection": {t.Context(), func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, func(*job.Webhook) {}, "EOF", io.EOF},
		"the server does not speak https":  {t.Context(), hangs, func(w *job.Webhook) { w.URL = strings.Replace(w.URL, "http:", "https:", 1) }, "HTTP response to HTTPS client", nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := serve(t, tt.server)
			tt.change(&w)
			err := handler(t, w).Handle(tt.ctx, &message.Message{})
			if verdict(err) != "retry" || !strings.Contains(text(err), tt.want) || tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("got %v, want a retry with %q in its text", err, tt.want)
			}
			if !strings.HasPrefix(text(err), "job: POST http") || strings.Contains(text(err), "secret") {
				t.Errorf("text is %q, want the place at its beginning and nothing of the path", err)
			}
		})
	}
}

func TestWebhookReadsNoMoreOfAResponseThanItNeeds(t *testing.T) {
	t.Parallel()
	w := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusBadGateway)
		part := []byte(strings.Repeat("x", 1<<10))
		for r.Context().Err() == nil { // without end, until the client goes
			if _, err := w.Write(part); err != nil {
				return
			}
		}
	})
	w.Timeout = time.Minute
	err := handler(t, w).Handle(t.Context(), &message.Message{})
	failed, ok := errors.AsType[*job.StatusError](err)
	if !ok || failed.Status != http.StatusBadGateway || len(failed.Body) > 1<<10 || !strings.HasSuffix(failed.Body, "xxx") {
		t.Errorf("got %v, want 502 with the end of what was read", err)
	}
}

func TestWebhookUsesAConnectionAgain(t *testing.T) {
	t.Parallel()
	w := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = w.Write(make([]byte, 8<<10))
	})
	h := handler(t, w)
	var reused []bool
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) { reused = append(reused, info.Reused) },
	})
	for range 3 {
		_ = h.Handle(ctx, &message.Message{})
	}
	if len(reused) != 3 || reused[0] || !reused[1] || !reused[2] {
		t.Errorf("connections were reused: %v, want all but the first", reused)
	}
}

func TestWebhookRefusesAddressesThatAreNotPublic(t *testing.T) {
	t.Parallel()
	w := serve(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("a request came by %s", r.Host) })
	w.AllowPrivate = false
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]"} {
		w.URL = strings.Replace(w.URL, "127.0.0.1", host, 1)
		err := handler(t, w).Handle(t.Context(), &message.Message{})
		if verdict(err) != "retry" || !strings.Contains(text(err), "is not public; set AllowPrivate to allow it") {
			t.Errorf("%s: got %v, want it refused", host, err)
		}
		w.URL = strings.Replace(w.URL, host, "127.0.0.1", 1)
	}
}

func TestWebhookDoesNotUseAProxyOfTheEnvironment(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("NO_PROXY", "")
	w := serve(t, func(http.ResponseWriter, *http.Request) {})
	w.URL = strings.Replace(w.URL, "127.0.0.1", "localhost", 1)
	if err := handler(t, w).Handle(t.Context(), &message.Message{}); err != nil {
		t.Errorf("got %v, want nil", err)
	}
}
