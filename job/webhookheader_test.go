package job_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/warren-mq/warren/job"
	"github.com/warren-mq/warren/message"
)

// received is a request as the server has it.
type received struct {
	http.Header
	method, body string
}

// post posts m and returns what arrived.
func post(t *testing.T, m *message.Message, change func(w *job.Webhook)) received {
	t.Helper()
	var got received
	w := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got = received{r.Header, r.Method, string(body)}
	})
	change(&w)
	if err := handler(t, w).Handle(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	return got
}

// signedUp is a message with something to tell.
func signedUp() *message.Message {
	return &message.Message{
		ID: "42", Body: []byte("\x00body"), ContentType: "text/plain", ContentEncoding: "gzip", Exchange: "events",
		RoutingKey: "user.signed_up", Queue: "welcome", Attempt: 3, Priority: 9, Type: "signup",
		Timestamp: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		Headers: message.Headers{
			"x-tenant": "blue\r\nX-Evil: 1", "warren-error": "ours", "big": strings.Repeat("x", 1<<10+1), "traceparent": "00-abc",
			"cloudEvents:subject": `a "50%" è`, "cloudEvents_id": "own", "cloudEvents:Bad": "x", "cloudEvents:datacontenttype": "x/y",
		},
	}
}

func checkHeaders(t *testing.T, got http.Header, want map[string]string) {
	t.Helper()
	for name, value := range want {
		if got.Get(name) != value {
			t.Errorf("%s is %q, want %q", name, got.Get(name), value)
		}
	}
}

func TestWebhookSendsThePropertiesOfTheMessage(t *testing.T) {
	t.Parallel()
	got := post(t, signedUp(), func(w *job.Webhook) {
		w.Headers = []job.Header{{Name: "x-token", Value: job.NewSecret("open sesame")}, {Name: "Warren-Type", Value: job.NewSecret("mine")}}
	})
	if got.method != http.MethodPost || got.body != "\x00body" {
		t.Errorf("got %s with %q, want POST with the body", got.method, got.body)
	}
	checkHeaders(t, got.Header, map[string]string{
		"Content-Type": "text/plain", "Content-Encoding": "gzip", "User-Agent": "warren", "Warren-Message-Id": "42", "Warren-Attempt": "3",
		"Warren-Queue": "welcome", "Warren-Exchange": "events", "Warren-Routing-Key": "user.signed_up", "Warren-Priority": "9",
		"Warren-Redelivered": "false", "Warren-Timestamp": "2026-01-02T03:04:05Z", "Warren-Header-X-Tenant": "blueX-Evil: 1", "X-Evil": "",
		"Traceparent": "00-abc", "Warren-Error": "", "Warren-Header-Warren-Error": "", "Warren-Header-Big": "", "Warren-Correlation-Id": "",
		"X-Token": "open sesame", "Warren-Type": "mine", "Ce-Id": "", "Webhook-Signature": "",
	})
	bare := post(t, &message.Message{}, func(*job.Webhook) {})
	checkHeaders(t, bare.Header, map[string]string{"Content-Type": "application/octet-stream"})
}

func TestWebhookSendsCloudEvents(t *testing.T) {
	t.Parallel()
	on := func(w *job.Webhook) { w.CloudEvents = true }
	got := post(t, signedUp(), on)
	checkHeaders(t, got.Header, map[string]string{
		"Ce-Specversion": "1.0", "Ce-Id": "own", "Ce-Source": "/events", "Ce-Type": "signup", "Ce-Time": "2026-01-02T03:04:05Z",
		"Ce-Subject": "a%20%2250%25%22%20%C3%A8", "Ce-Bad": "", "Ce-Datacontenttype": "", "Content-Type": "text/plain",
	})
	bare := post(t, &message.Message{Queue: "welcome email", RoutingKey: "k"}, on)
	checkHeaders(t, bare.Header, map[string]string{"Ce-Source": "/welcome%2520email", "Ce-Type": "k", "Ce-Time": ""}) // a URI, encoded once more
	if bare.Get("Ce-Id") == "" {
		t.Error("Ce-Id is missing, want one even where the message has none")
	}
	own := post(t, signedUp(), func(w *job.Webhook) { w.CloudEvents, w.Source = true, "https://shop.example/" })
	checkHeaders(t, own.Header, map[string]string{"Ce-Source": "https://shop.example/"})
}

func TestWebhookSignsTimestampAndBody(t *testing.T) {
	t.Parallel()
	raw := "0123456789abcdef0123456789abcdef"
	got := post(t, signedUp(), func(w *job.Webhook) {
		w.SigningKeys = []job.Secret{job.NewSecret("whsec_" + base64.StdEncoding.EncodeToString([]byte(raw))), job.NewSecret("an older key of ours")}
	})
	stamp := got.Get("Webhook-Timestamp")
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if age := time.Since(time.Unix(seconds, 0)); err != nil || age < 0 || age > time.Minute {
		t.Errorf("Webhook-Timestamp is %q, want the current time", stamp)
	}
	signature := func(key string) string {
		mac := hmac.New(sha256.New, []byte(key))
		_, _ = mac.Write([]byte("42." + stamp + "." + got.body))
		return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	checkHeaders(t, got.Header, map[string]string{"Webhook-Id": "42", "Webhook-Signature": signature(raw) + " " + signature("an older key of ours")})
}

func TestWebhookReadsSecretsFromFilesEachTime(t *testing.T) {
	t.Parallel()
	token, key := filepath.Join(t.TempDir(), "token"), filepath.Join(t.TempDir(), "key")
	write := func(name, content string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(token, "first\n")
	write(key, "the first signing key\n")
	var seen []string
	w := serve(t, func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Header.Get("X-Token"), r.Header.Get("Webhook-Signature"))
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, "not with "+r.Header.Get("X-Token"))
	})
	w.Headers, w.SigningKeys = []job.Header{{Name: "X-Token", Value: job.SecretFile(token)}}, []job.Secret{job.SecretFile(key)}
	h := handler(t, w)
	for _, renewed := range []string{"second", "third"} {
		if err := h.Handle(t.Context(), signedUp()); !strings.HasSuffix(text(err), ": not with ****") {
			t.Errorf("got %v, want what the server says back without the token", err)
		}
		write(token, renewed+"\n")
		write(key, "the "+renewed+" signing key\n")
	}
	if len(seen) != 4 || seen[0] != "first" || seen[2] != "second" || seen[1] == seen[3] {
		t.Errorf("the server has seen %q, want the first of both and then the second of both", seen)
	}
	write(token, "a\nb")
	if err := h.Handle(t.Context(), signedUp()); verdict(err) != "retry" || !strings.Contains(text(err), "header X-Token: the value contains control characters") {
		t.Errorf("got %v, want the faulty header refused", err)
	}
	write(token, "")
	if err := h.Handle(t.Context(), signedUp()); !strings.HasSuffix(text(err), "file "+token+" is empty") {
		t.Errorf("got %v, want that the file is empty", err)
	}
	if _, err := w.Handler(); !strings.HasPrefix(text(err), "job: webhook: header X-Token: job: read a secret: ") {
		t.Errorf("got %v, want that no handler is made", err)
	}
}

// TestWebhookErrorsHaveNoSecretsThatAServerRepeats: the path, the query and credentials.
func TestWebhookErrorsHaveNoSecretsThatAServerRepeats(t *testing.T) {
	t.Parallel()
	const path, key, bearer = "/services/T0B0/XXXX+secretsecret&more", "query-secret", "abc/defSECRET+=="
	tests := map[string]struct{ answer, want string }{
		"the path":                            {"Cannot POST " + path, "Cannot POST ****"},
		"a path in JSON of PHP":               {`{"error":"no \/services\/T0B0\/XXXX+secretsecret&more"}`, `{"error":"no ****"}`},
		"a path in HTML":                      {"<p>/services/T0B0/XXXX+secretsecret&amp;more", "<p>****"},
		"the last segment":                    {"unknown hook XXXX+secretsecret&more", "unknown hook ****"},
		"a value of the query":                {"bad key " + key, "bad key ****"},
		"the query":                           {"bad query key=" + key, "bad query ****"},
		"a token without Bearer":              {"invalid token " + bearer, "invalid token ****"},
		"the whole header":                    {"invalid Bearer " + bearer, "invalid ****"},
		"a header's secret":                   {"not hunter2", "not ****"},
		"a short word stays":                  {"no POST here", "no POST here"},
		"a secret at the end of what is read": {strings.Repeat(".", 16<<10-8) + bearer, "...."},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Warren-Checkpoint", strings.Repeat(".", 90)+bearer+"no checkpoint")
				w.WriteHeader(http.StatusNotFound)
				_, _ = io.WriteString(w, tt.answer)
			})
			w.URL = strings.TrimSuffix(w.URL, "/secret/path") + path + "?key=" + key
			w.Headers = []job.Header{{Name: "Authorization", Value: job.NewSecret("Bearer " + bearer)}, {Name: "X-Token", Value: job.NewSecret("hunter2")}}
			w.Checkpoints = true
			_, err := resume(t, handler(t, w), "", &message.Message{})
			got, checkpoint, _ := strings.Cut(text(err), "; ")
			if !strings.HasSuffix(got, tt.want) || strings.Contains(text(err), "SECRET") || strings.Contains(text(err), "abc/def") {
				t.Errorf("got %q, want %q at its end", got, tt.want)
			}
			if !strings.Contains(checkpoint, ".****…") {
				t.Errorf("the fault of the checkpoint is %q", checkpoint)
			}
		})
	}
}

// TestWebhookErrorsHaveNoSecretsOfAnAnswerThatIsNotHTTP: an echo of the request.
func TestWebhookErrorsHaveNoSecretsOfAnAnswerThatIsNotHTTP(t *testing.T) {
	t.Parallel()
	w := serve(t, func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(conn, r.Method+" "+r.URL.Path+" HTTP/1.1\r\n\r\n")
		_ = conn.Close()
	})
	if err := handler(t, w).Handle(t.Context(), &message.Message{}); verdict(err) != "retry" || !strings.Contains(text(err), "malformed HTTP") || strings.Contains(text(err), "secret") {
		t.Errorf("got %v, want that the answer is malformed, without the path", err)
	}
}
