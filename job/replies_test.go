package job_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	warren "github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/job"
	"github.com/warren-mq/warren/message"
)

// replied is a handler.Replier that keeps the reply as a text.
type replied struct{ said string }

func (*replied) Begin(ctx context.Context, _ *message.Message, _ warren.Replying) (context.Context, context.CancelFunc, error) {
	return ctx, func() {}, nil
}

func (r *replied) Reply(ctx context.Context, _ *message.Message, v any, c warren.Codec) error {
	storing, ok := c.(interface {
		MarshalMessage(ctx context.Context, m *message.Message, v any) error
	})
	if !ok {
		return errors.New("the codec cannot store a message")
	}
	var m message.Message
	err := storing.MarshalMessage(ctx, &m, v)
	r.said = strings.TrimSpace(m.ContentType + " " + m.ContentEncoding + " " + string(m.Body))
	return err
}

// call handles a request, and returns the reply, or the error with its reason.
func call(t *testing.T, h job.Handler, m *message.Message) string {
	t.Helper()
	if _, replies := h.(warren.Replying); !replies {
		t.Fatal("the handler does not reply")
	}
	var r replied
	m.ReplyTo = "caller"
	err := h.Handle(warren.WithReplier(t.Context(), &r), m)
	if err == nil {
		return r.said
	}
	if because, ok := errors.AsType[interface {
		error
		Reason() string
	}](err); ok {
		return verdict(err) + ": " + because.Reason() + ": " + err.Error()
	}
	return verdict(err) + ": " + err.Error()
}

func TestACommandRepliesWithStdout(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, kind, output, code, want string
	}{
		{"JSON", "", `{"cents":350}` + "\n", "0", `application/json  {"cents":350}`},
		{"no output is null", "", "\n", "0", "application/json  null"},
		{"another type is unchanged", "text/plain", "350 cents\n", "0", "text/plain  350 cents"},
		{"another type may be empty", "text/plain", "", "0", "text/plain"},
		{"text in place of JSON is an error", "", "350 cents", "0", `retry: job: PROGRAM: reply with stdout: "350 cents" is not JSON`},
		{"two values are an error", "application/problem+json", "1 2", "0", `retry: job: PROGRAM: reply with stdout: "1 2" is not JSON`},
		{"too much is an error", "text/plain", strings.Repeat("x", 1000), "0", `retry: job: PROGRAM: reply with stdout: more than 600 bytes`},
		{"the output of a command that fails is dropped", "", "350", "1", "retry: job: PROGRAM: exit status 1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e := program("lines", "LINES="+tt.output, "CODE="+tt.code)
			e.Replies = &job.Replies{ContentType: tt.kind, MaxBytes: 600}
			got := strings.ReplaceAll(call(t, handler(t, e), &message.Message{}), e.Command[0], "PROGRAM")
			if got != tt.want && (!strings.HasPrefix(tt.want, "retry") || !strings.HasPrefix(got, tt.want)) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestACommandHasAReasonForItsFailure(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, said, code, want string }{
		{"the last line", "no such article|reason: not_found|", "65", "dead-letter: not_found: job: PROGRAM: exit status 65: no such article"},
		{"before the pause", "come back|Reason: closed|retry-after: 30s", "75", "retry after 30s: closed: job: PROGRAM: exit status 75: come back"},
		{"no other line", "reason: not_found|no such article", "65", "dead-letter: job: PROGRAM: exit status 65: reason: not_found no such article"},
		{"an empty one is none", "no such article|reason:", "65", "dead-letter: job: PROGRAM: exit status 65: no such article"},
	} {
		e := program("exit", "SAY="+tt.said, "CODE="+tt.code)
		e.Replies = &job.Replies{}
		if got := strings.ReplaceAll(call(t, handler(t, e), &message.Message{}), e.Command[0], "PROGRAM"); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
	err := handler(t, program("exit", "SAY=reason: not_found", "CODE=1")).Handle(t.Context(), &message.Message{})
	if !strings.HasSuffix(text(err), "reason: not_found") {
		t.Errorf("got %v without Replies, want the line in the text", err)
	}
}

func TestAnAnswerReplies(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, answer, want string }{
		{"with ok", `{"ok":true,"reply":{"cents":350}}`, `application/json  {"cents":350}`},
		{"null", `{"ok":true,"reply":null}`, "application/json  null"},
		{"without a reply", `{"ok":true}`, "application/json  null"},
		{"a failure", `{"error":"no such article","permanent":true,"reason":"not_found"}`, "dead-letter: not_found: job: PROGRAM: no such article"},
		{"a reply with an error is invalid", `{"error":"no","reply":1}`, `"reply" is set with an "error"`},
		{"a reason with ok is invalid", `{"ok":true,"reason":"no"}`, `"reason" is set with "ok":true`},
	} {
		var l logged
		e := persistent(&l)
		e.Replies = &job.Replies{}
		got := strings.ReplaceAll(call(t, handler(t, e), body(tt.answer)), e.Command[0], "PROGRAM")
		if got != tt.want && (!strings.HasPrefix(tt.want, `"`) || !strings.Contains(got, tt.want)) {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
	for _, answer := range []string{`{"ok":true,"reply":1}`, `{"error":"no","reason":"why"}`} {
		var l logged
		err := handler(t, persistent(&l)).Handle(t.Context(), body(answer))
		if _, ok := errors.AsType[*job.AnswerError](err); !ok {
			t.Errorf("got %v without Replies, want that the answer is invalid", err)
		}
	}
}

func TestTheResponseOfAServerIsTheReply(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		status int
		header [2]string
		body   string
		want   string
	}{
		{"with its content type", 200, [2]string{"Content-Type", "text/csv"}, "a,b\n", "text/csv  a,b"},
		{"with its content encoding", 200, [2]string{"Content-Encoding", "gzip"}, "zip", "application/octet-stream gzip zip"},
		{"an empty response is null", 204, [2]string{}, "", "application/json  null"},
		{"a failure with a reason", 404, [2]string{"Warren-Reason", "not_found"}, "no such article", "dead-letter: not_found: job: POST HOST: 404 Not Found: no such article"},
		{"a failure without a reason", 503, [2]string{"Retry-After", "7"}, "", "retry after 7s: job: POST HOST: 503 Service Unavailable"},
		{"too much", 200, [2]string{}, strings.Repeat("x", 1000), "retry: job: POST HOST: reply with the response: more than 600 bytes, want fewer, or a larger MaxBytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header()["Content-Type"] = nil // no guess by net/http
				if tt.header[0] != "" {
					w.Header().Set(tt.header[0], tt.header[1])
				}
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
			})
			w.Replies = &job.Replies{MaxBytes: 600}
			host := strings.TrimSuffix(w.URL, "/secret/path")
			if got := strings.ReplaceAll(call(t, handler(t, w), &message.Message{}), host, "HOST"); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// TestOutputWithoutAReplyToIsDropped, even if it could not be a reply.
func TestOutputWithoutAReplyToIsDropped(t *testing.T) {
	t.Parallel()
	e := program("lines", "LINES=not JSON", "CODE=0")
	e.Replies = &job.Replies{}
	w := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "too long") })
	w.Replies = &job.Replies{MaxBytes: 1}
	for _, h := range []job.Handler{handler(t, e), handler(t, w)} {
		if err := h.Handle(t.Context(), &message.Message{}); err != nil {
			t.Errorf("got %v, want that it is handled", err)
		}
	}
}

func TestRepliesIsValidated(t *testing.T) {
	t.Parallel()
	kind, size, emits := &job.Replies{ContentType: "text/plain"}, &job.Replies{MaxBytes: 1}, &job.Emits{Emit: (&emitted{}).emit}
	command := []string{"a"}
	for _, tt := range []struct {
		err  error
		want string
	}{
		{job.Exec{Command: command, Replies: &job.Replies{MaxBytes: -1}}.Validate(), "Replies.MaxBytes is -1"},
		{job.Exec{Command: command, Replies: &job.Replies{ContentType: strings.Repeat("x", 256)}}.Validate(), "Replies.ContentType has 256 bytes"},
		{job.Exec{Command: command, Replies: size, Emits: emits}.Validate(), "both use stdout"},
		{job.Exec{Command: command, Persistent: true, Replies: size}.Validate(), "MaxAnswerBytes is the limit"},
		{job.Exec{Command: command, Persistent: true, Replies: kind}.Validate(), "Replies.ContentType is set"},
		{job.Webhook{URL: "http://a", Replies: kind}.Validate(), "Replies.ContentType is set"},
		{job.Webhook{URL: "http://a", Replies: size, Emits: emits}.Validate(), "both use the response"},
	} {
		if !strings.Contains(text(tt.err), tt.want) {
			t.Errorf("got %v, want %q", tt.err, tt.want)
		}
	}
	if err := (job.Exec{Command: command, Persistent: true, Replies: &job.Replies{}, Emits: emits}).Validate(); err != nil {
		t.Errorf("got %v, want that a persistent process may do both", err)
	}
}
