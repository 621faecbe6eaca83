package job_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	warren "github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/job"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
)

// batcher makes the handler of batches of config, and closes it when t ends.
func batcher(t *testing.T, config interface {
	BatchHandler() (job.BatchHandler, error)
},
) job.BatchHandler {
	t.Helper()
	h, err := config.BatchHandler()
	closeAtEnd(t, h, err)
	return h
}

// handleBatch handles messages with the bodies as one batch.
func handleBatch(t *testing.T, h job.BatchHandler, bodies ...string) error {
	t.Helper()
	items := make([]any, len(bodies))
	for i, b := range bodies {
		var err error
		if items[i], err = h.Decode(t.Context(), &message.Message{
			ID: fmt.Sprintf("m-%d", i), Queue: "q", Attempt: 1, Body: []byte(b), Headers: message.Headers{"x-tenant": "blue", "traceparent": "00-1"},
		}); err != nil {
			t.Fatal(err)
		}
	}
	return h.HandleBatch(t.Context(), items)
}

// verdicts returns the outcome of each of n messages, or one outcome if err is not a BatchError.
func verdicts(err error, n int) string {
	each, ok := errors.AsType[warren.BatchError](err)
	if !ok {
		return "all: " + verdict(err)
	}
	all := make([]string, n)
	for i := range all {
		all[i] = verdict(each[i])
	}
	return strings.Join(all, ", ")
}

// say returns a handler of each kind of program that names the failed items, and what the first message
// must be.
func say(t *testing.T, failed ...string) map[string]func() error {
	t.Helper()
	list := `"failed":[` + strings.Join(failed, ",") + `]}`
	persistent := program("answer")
	persistent.Persistent, persistent.Logger = true, quiet()
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{"+list) })
	return map[string]func() error{
		"command": func() error {
			return handleBatch(t, batcher(t, program("lines", "LINES="+strings.Join(failed, "\n"))), "a", "b", "c")
		},
		"process": func() error { return handleBatch(t, batcher(t, persistent), "{"+list, "b", "c") },
		"server":  func() error { return handleBatch(t, batcher(t, server), "a", "b", "c") },
	}
}

func TestTheFailedItemsOfABatchAreNamed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		failed []string
		want   string
		err    string
	}{
		{"none", nil, "all: ack", ""},
		{"the first one and the last one", []string{`{"item":0,"error":"full"}`, `{"item":2,"error":"full"}`}, "retry, ack, retry", "full"},
		{
			"each in another way",
			[]string{`{"item":2,"error":"gone","permanent":true}`, `{"item":0,"error":"busy","retry_after":"30s"}`, `{"item":1,"error":"old","discard":true}`},
			"retry after 30s, discard, dead-letter", "busy",
		},
		{"an item that does not exist", []string{`{"item":3,"error":"x"}`}, "all: retry", `"item" is 3, want 0 to 2`},
		{"a negative item", []string{`{"item":-1,"error":"x"}`}, "all: retry", `"item" is -1, want 0 to 2`},
		{"an item twice", []string{`{"item":1,"error":"x"}`, `{"item":1,"error":"y"}`}, "all: retry", `"item" is 1 a second time`},
		{"no item", []string{`{"error":"x"}`}, "all: retry", `"item" is missing, want 0 to 2`},
		{"no text", []string{`{"item":1}`}, "all: retry", `"error" is missing`},
		{"two fields that exclude each other", []string{`{"item":1,"error":"x","permanent":true,"discard":true}`}, "all: retry", `want one of "retry_after"`},
		{"an invalid pause", []string{`{"item":1,"error":"x","retry_after":"soon"}`}, "all: retry", `"retry_after" is "soon"`},
		{"a field that does not exist", []string{`{"item":1,"error":"x","parmanent":true}`}, "all: retry", `unknown field "parmanent"`},
		{"an item that is a text", []string{`{"item":"m-1","error":"x"}`}, "all: retry", "item"},
		{"a text instead of an object", []string{`"done"`}, "all: retry", "does not name a failed item"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for kind, run := range say(t, tt.failed...) {
				if err := run(); verdicts(err, 3) != tt.want || !strings.Contains(text(err), tt.err) {
					t.Errorf("%s: got %s and the error %v, want %s and %q", kind, verdicts(err, 3), err, tt.want, tt.err)
				}
			}
		})
	}
}

func TestAnErrorIsOfTheWholeBatch(t *testing.T) {
	t.Parallel()
	named := "LINES=" + `{"item":0,"error":"x"}`
	persistent := program("answer")
	persistent.Persistent, persistent.Logger = true, quiet()
	status := func(code int, after, body string) job.Webhook {
		return serve(t, func(w http.ResponseWriter, _ *http.Request) {
			if after != "" {
				w.Header().Set("Retry-After", after)
			}
			w.WriteHeader(code)
			_, _ = io.WriteString(w, body)
		})
	}
	for _, tt := range []struct {
		name   string
		config interface {
			BatchHandler() (job.BatchHandler, error)
		}
		first, want, err string
	}{
		{"a status that retries, with output that does not count", program("lines", named, "CODE=75"), "", "all: retry", "exit status 75"},
		{"a status that dead-letters", program("exit", "CODE=65", "SAY=no"), "", "all: dead-letter", "exit status 65: no"},
		{"a pause on stderr", program("exit", "CODE=75", "SAY=retry-after: 30s"), "", "all: retry after 30s", "exit status 75"},
		{"a command that is killed", program("exit", "CODE=KILL"), "", "all: retry", "signal: killed"},
		{"output that names no item", program("lines", "LINES=done"), "", "all: retry", `line 1, "done", does not name a failed item`},
		{"too much output", program("lines", "LINES="+strings.Repeat("\n", 100_000)), "", "all: retry", "more than 71680 bytes"},
		{"an answer", persistent, `{"ok":true}`, "all: ack", ""},
		{"an answer with an error", persistent, `{"error":"down"}`, "all: retry", "job: " + os.Args[0] + ": down"},
		{"an answer that postpones", persistent, `{"error":"down","retry_after":"30s"}`, "all: retry after 30s", "down"},
		{"an answer that is permanent", persistent, `{"error":"no","permanent":true}`, "all: dead-letter", "no"},
		{"an answer whose list is null", persistent, `{"failed":null}`, "all: ack", ""},
		{"an answer whose list is null beside ok", persistent, `{"ok":true,"failed":null}`, "all: ack", ""},
		{"an answer whose list is null beside an error", persistent, `{"error":"down","failed":null}`, "all: retry", "job: " + os.Args[0] + ": down"},
		{"an answer of two forms", persistent, `{"ok":true,"failed":[]}`, "all: retry", `want one of "ok":true`},
		{"an empty answer", persistent, `{}`, "all: retry", "}"},
		{"failed is an object", persistent, `{"failed":{}}`, "all: retry", `"failed" is "{}", want a list`},
		{"an answer that emits", persistent, `{"ok":true,"emit":[{"key":"a","body":1}]}`, "all: retry", "want none in the answer to a batch"},
		{"an answer with a reply", persistent, `{"ok":true,"reply":1}`, "all: retry", "want none in the answer to a batch"},
		{"no answer", persistent, "die", "all: retry", "Traceback: out of luck"},
		{"an answer that is too long", persistent, "flood 1", "all: retry", "longer than MaxAnswerBytes"},
		{"204", status(204, "", ""), "", "all: ack", ""},
		{"200 with a list that is null", status(200, "", `{"failed": null}`), "", "all: ack", ""},
		{"200 with a text", status(200, "", "ok"), "", "all: retry", `"ok" is neither empty nor an object with "failed"`},
		{"200 with another object", status(200, "", `{"status":"ok"}`), "", "all: retry", `unknown field "status"`},
		{"200 with an empty object", status(200, "", `{}`), "", "all: retry", `"failed" is missing`},
		{"200 with too much", status(200, "", strings.Repeat(" ", 100_000)), "", "all: retry", "more than 71680 bytes"},
		{"422", status(422, "", "no"), "", "all: dead-letter", "422 Unprocessable Entity: no"},
		{"503", status(503, "", "no"), "", "all: retry", "503 Service Unavailable: no"},
		{"503 with a pause", status(503, "30", "no"), "", "all: retry after 30s", "503 Service Unavailable: no"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := handleBatch(t, batcher(t, tt.config), tt.first, "b", "c")
			if verdicts(err, 3) != tt.want || !strings.Contains(text(err), tt.err) {
				t.Errorf("got %s and the error %v, want %s and %q", verdicts(err, 3), err, tt.want, tt.err)
			}
		})
	}
}

// aMessage is the message at an index of a batch, as programs and servers get it.
func aMessage(i int, body string) string {
	return fmt.Sprintf(`{"item":%d,"message_id":"m-%d","attempt":1,"queue":"q","exchange":"","routing_key":"","priority":0,"redelivered":false,`+
		`"trace":{"traceparent":"00-1"},"headers":{"x-tenant":"blue"},%s}`, i, i, body)
}

func TestACommandGetsALineForEachMessage(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "told")
	if err := handleBatch(t, batcher(t, program("tell", "TELL="+file)), "{}", "\xff"); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var got told
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if want := aMessage(0, `"body":"{}"`) + "\n" + aMessage(1, `"body_base64":"/w=="`) + "\n"; string(got.Body) != want {
		t.Errorf("the command got\n%swant\n%s", got.Body, want)
	}
	for _, want := range []string{"WARREN_QUEUE=q", "WARREN_BATCH_SIZE=2"} {
		if !slices.Contains(got.Env, want) {
			t.Errorf("the environment is %v, want %s in it", got.Env, want)
		}
	}
	if slices.ContainsFunc(got.Env, func(v string) bool { return strings.HasPrefix(v, "WARREN_MESSAGE_ID=") }) {
		t.Error("the environment has the id of a message")
	}
}

func TestAProcessGetsALineForABatch(t *testing.T) {
	t.Parallel()
	e := program("answer")
	e.Persistent, e.Logger = true, quiet()
	h := batcher(t, e)
	for id := 1; id < 3; id++ {
		err := handleBatch(t, h, "echo", "b")
		if want := fmt.Sprintf("id=%d messages=[map[", id); !strings.Contains(text(err), want) || strings.Count(text(err), "item:") != 2 {
			t.Errorf("the process got %v, want %q and two items", err, want)
		}
	}
}

func TestAServerGetsAListOfMessages(t *testing.T) {
	t.Parallel()
	var got []string
	w := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = []string{
			string(body), r.Header.Get("Content-Type"), r.Header.Get("Warren-Queue"), r.Header.Get("Warren-Batch-Size"), r.Header.Get("Warren-Message-Id"), r.Header.Get("X-Own"),
		}
		if r.Header.Get("Webhook-Signature") == "" || r.Header.Get("Webhook-Id") == "" {
			t.Errorf("the headers are %v, want a signature", r.Header)
		}
	})
	w.SigningKeys, w.Headers = []job.Secret{job.NewSecret("0123456789abcdef")}, []job.Header{{Name: "X-Own", Value: job.NewSecret("mine")}}
	if err := handleBatch(t, batcher(t, w), "a", "b"); err != nil {
		t.Fatal(err)
	}
	want := []string{"[" + aMessage(0, `"body":"a"`) + "," + aMessage(1, `"body":"b"`) + "]\n", "application/json", "q", "2", "", "mine"}
	if !slices.Equal(got, want) {
		t.Errorf("the server got %q, want %q", got, want)
	}
}

func TestAResponseAboutABatchDoesNotRepeatSecrets(t *testing.T) {
	t.Parallel()
	w := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, `{"failed":[{"item":0,"error":%q}]}`, r.Header.Get("X-Token"))
	})
	w.Headers = []job.Header{{Name: "X-Token", Value: job.NewSecret("hunter2hunter2")}}
	if err := handleBatch(t, batcher(t, w), "a"); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v, want an error without the secret", err)
	}
}

// TestPartsOfABatchNeedNotWaitForAProcess: only the failure of one message delays the next start.
func TestPartsOfABatchNeedNotWaitForAProcess(t *testing.T) {
	t.Parallel()
	e := program("answer")
	e.Persistent, e.Logger, e.Backoff = true, quiet(), retry.Policy{InitialInterval: time.Hour, MaxInterval: time.Hour}
	h := batcher(t, e)
	for range 3 {
		if err := handleBatch(t, h, "die", "b"); verdicts(err, 2) != "all: retry" {
			t.Errorf("got %v, want a retry", err)
		}
	}
	if err := handleBatch(t, h, `{"ok":true}`); err != nil {
		t.Error(err)
	}
}

func TestBatchesAreRefusedWhereAMessageIsNeeded(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]interface {
		BatchHandler() (job.BatchHandler, error)
	}{
		"Emits is set":       job.Exec{Command: []string{"a"}, Emits: &job.Emits{Emit: func(context.Context, *message.Message) error { return nil }}},
		"Replies is set":     job.Exec{Command: []string{"a"}, Persistent: true, Replies: &job.Replies{}},
		"Checkpoints is set": job.Webhook{URL: "https://example.org", Checkpoints: true},
		"CloudEvents is set": job.Webhook{URL: "https://example.org", CloudEvents: true},
		"Command is empty":   job.Exec{},
		"URL has":            job.Webhook{},
	} {
		if _, err := config.BatchHandler(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("got %v, want an error with %q", err, name)
		}
	}
}
