package job_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/warren-mq/warren/job"
	"github.com/warren-mq/warren/message"
)

// emitted collects what is emitted, as text.
type emitted struct {
	mu  sync.Mutex
	all []string
	err error // of each emission
}

func (e *emitted) emit(_ context.Context, m *message.Message) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, strings.TrimSpace(fmt.Sprintf("%s %s %s", m.RoutingKey, m.Body, m.ID)))
	if len(m.Headers) > 0 {
		e.all[len(e.all)-1] += fmt.Sprintf(" %v", m.Headers)
	}
	if m.ContentType != "application/json" {
		return errors.New("the content type is " + m.ContentType)
	}
	return e.err
}

func (e *emitted) String() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return strings.Join(e.all, ", ")
}

const paid = `{"key":"paid","body":{"n":7}}`

func TestTheLinesOfACommandAreEmitted(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, output, code, want, wantErr string }{
		{"each line is a message", paid + "\n\n" + `{"key":"mail","body":null}` + "\n", "0", `paid {"n":7}, mail null`, ""},
		{"the last line may lack its end", paid, "0", `paid {"n":7}`, ""},
		{"a command may emit none", "", "0", "", ""},
		{"a message may have an id and headers", `{"key":"","body":1,"id":"i","headers":{"a":"x","b":2,"c":1.5,"d":true}}`, "0", "1 i map[a:x b:2 c:1.5 d:true]", ""},
		{"a command that fails emits none", paid, "1", "", "exit status 1"},
		{"the output of a command that fails is not checked", "no", "65", "", "exit status 65"},
		{"a line that is not JSON", paid + "\ndone\n", "0", "", `line 2, "done", is not a message: invalid character`},
		{"a line that is not complete", `{"key":"paid"`, "0", "", "line 1, \"{\\\"key\\\":\\\"paid\\\"\", is not a message: the JSON is not complete"},
		{"two messages on a line", paid + paid, "0", "", "more than one JSON value, want one"},
		{"a message without a key", `{"body":1}`, "0", "", `"key" is missing`},
		{"a message without a body", `{"key":"k"}`, "0", "", `"body" is missing`},
		{"an unknown field", `{"key":"k","body":1,"header":{}}`, "0", "", `unknown field "header"`},
		{"a header that is a list", `{"key":"k","body":1,"headers":{"h":[]}}`, "0", "", `the header "h" is not text`},
		{"a key that is too long", `{"key":"` + strings.Repeat("k", 256) + `","body":1}`, "0", "", "longer than 255 bytes"},
		{"too many messages", strings.Repeat(paid+"\n", 4), "0", "", "4 messages, want at most 3"},
		{"too much output", strings.Repeat(" ", 1000), "0", "", "more than 600 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got emitted
			e := program("lines", "LINES="+tt.output, "CODE="+tt.code)
			e.Emits = &job.Emits{Emit: got.emit, MaxMessages: 3, MaxBytes: 600}
			err := handler(t, e).Handle(t.Context(), &message.Message{})
			if s := got.String(); s != tt.want || (err == nil) != (tt.wantErr == "") || !strings.Contains(text(err), tt.wantErr) {
				t.Errorf("emitted %q with the error %v, want %q and %q", s, err, tt.want, tt.wantErr)
			}
		})
	}
}

func TestTheResponseOfAServerIsEmitted(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		status int
		body   string
		want   string
		err    string
	}{
		{"one message", 200, " " + paid + "\n", `paid {"n":7}`, ""},
		{"a list of messages", 201, "[" + paid + "," + paid + "]", `paid {"n":7}, paid {"n":7}`, ""},
		{"an empty list", 200, "[]", "", ""},
		{"an empty response", 204, "", "", ""},
		{"the response of a failure is not emitted", 500, paid, "", "500 Internal Server Error"},
		{"text", 200, "thanks, token", "", `number 1, "thanks, ****", is not a message`},
		{"a list with a bad message", 200, "[" + paid + ",1]", "", `number 2, "1", is not a message`},
		{"a list that is not complete", 200, "[" + paid, "", "is not a list of messages"},
		{"too much", 200, strings.Repeat(" ", 1000), "", "more than 600 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got emitted
			w := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
			})
			w.Headers = []job.Header{{Name: "X-Token", Value: job.NewSecret("token")}}
			w.Emits = &job.Emits{Emit: got.emit, MaxBytes: 600}
			err := handler(t, w).Handle(t.Context(), &message.Message{})
			if s := got.String(); s != tt.want || (err == nil) != (tt.err == "") || !strings.Contains(text(err), tt.err) {
				t.Errorf("emitted %q with the error %v, want %q and %q", s, err, tt.want, tt.err)
			}
		})
	}
}

func TestAnAnswerEmits(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, answer, want, err string }{
		{"with ok", `{"ok":true,"emit":[` + paid + `,` + paid + `]}`, `paid {"n":7}, paid {"n":7}`, ""},
		{"no messages", `{"ok":true,"emit":[]}`, "", ""},
		{"not with an error", `{"error":"no","emit":[` + paid + `]}`, "", `"emit" is set with an "error"`},
		{"a bad message", `{"ok":true,"emit":[{}]}`, "", `"emit": number 1, "{}", is not a message: "key" is missing`},
	} {
		var got emitted
		var l logged
		e := persistent(&l)
		e.Emits = &job.Emits{Emit: got.emit}
		err := handler(t, e).Handle(t.Context(), body(tt.answer))
		if s := got.String(); s != tt.want || (err == nil) != (tt.err == "") || !strings.Contains(text(err), tt.err) {
			t.Errorf("%s: emitted %q with the error %v, want %q and %q", tt.name, s, err, tt.want, tt.err)
		}
	}
	var l logged
	err := handler(t, persistent(&l)).Handle(t.Context(), body(`{"ok":true,"emit":[`+paid+`]}`))
	if _, ok := errors.AsType[*job.AnswerError](err); !ok {
		t.Errorf("got %v without Emits, want that the answer is invalid", err)
	}
}

func TestAnErrorOfEmitFailsTheHandling(t *testing.T) {
	t.Parallel()
	got := emitted{err: errEnough}
	all := &job.Emits{Emit: got.emit}
	var l logged
	answers := persistent(&l)
	answers.Emits = all
	prints := program("lines", "LINES="+paid, "CODE=0")
	prints.Emits, prints.Logger = all, slog.New(slog.DiscardHandler)
	serves := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, paid) })
	serves.Emits = all
	for _, h := range []job.Handler{handler(t, answers), handler(t, prints), handler(t, serves)} {
		if err := h.Handle(t.Context(), body(`{"ok":true,"emit":[`+paid+`]}`)); !errors.Is(err, errEnough) {
			t.Errorf("got %v, want the error of Emit", err)
		}
	}
}

func TestEmitsIsValidated(t *testing.T) {
	t.Parallel()
	bad := &job.Emits{MaxMessages: -1, MaxBytes: -1}
	for _, err := range []error{job.Exec{Command: []string{"a"}, Emits: bad}.Validate(), job.Webhook{URL: "http://a", Emits: bad}.Validate()} {
		for _, want := range []string{"Emits.Emit is nil", "Emits.MaxMessages is -1", "Emits.MaxBytes is -1"} {
			if !strings.Contains(text(err), want) {
				t.Errorf("got %v, want %q", err, want)
			}
		}
	}
	good := &job.Emits{Emit: (&emitted{}).emit, MaxBytes: 1}
	if err := (job.Exec{Command: []string{"a"}, Persistent: true, Emits: good}).Validate(); !strings.Contains(text(err), "MaxAnswerBytes is the limit") {
		t.Errorf("got %v, want an error about MaxAnswerBytes", err)
	}
}
