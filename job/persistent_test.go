package job_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	warren "github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/job"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/retry"
)

// persistent is the program answer, logging to l.
func persistent(l *logged) job.Exec {
	e := program("answer")
	e.Persistent, e.Logger, e.Backoff = true, logTo(l, slog.LevelDebug), retry.Policy{InitialInterval: time.Millisecond}
	return e
}

func body(s string) *message.Message { return &message.Message{ID: "m", Body: []byte(s)} }

// pid asks a process who it is.
func pid(t *testing.T, h job.Handler) string {
	t.Helper()
	reported, ok := errors.AsType[*job.ReportedError](h.Handle(t.Context(), body("pid")))
	if !ok {
		t.Fatal("no process id")
	}
	return reported.Text
}

func TestPersistentTurnsAnswersIntoOutcomes(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, answer, want, wantText string }{
		{"ok is done", `{"ok":true}`, "ack", ""},
		{"an error is tried again", `{"error":"mailbox\nis full"}`, "retry", ": mailbox is full"},
		{"an error may ask for a pause", `{"error":"busy","retry_after":"30s"}`, "retry after 30s", ": busy"},
		{"a pause may be in seconds", `{"error":"busy","retry_after":"0"}`, "retry after 0s", ": busy"},
		{"a permanent error makes a dead letter", `{"error":"no such user","permanent":true}`, "dead-letter", ": no such user"},
		{"an error may discard", `{"error":"has unsubscribed","discard":true}`, "discard", ": has unsubscribed"},
		{"a false mark is none", `{"error":"no","permanent":false,"discard":false,"ok":false}`, "retry", ": no"},
	}
	var l logged
	h := handler(t, persistent(&l))
	first := pid(t, h)
	for _, tt := range tests {
		err := h.Handle(t.Context(), body(tt.answer))
		if got := verdict(err); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
		if got := text(err); got != "" && got != "job: "+os.Args[0]+tt.wantText {
			t.Errorf("%s: text is %q, want %q at its end", tt.name, got, tt.wantText)
		}
	}
	if last := pid(t, h); last != first {
		t.Errorf("the last process is %s, want the first, %s", last, first)
	}
}

func TestPersistentGivesTheWholeMessage(t *testing.T) {
	t.Parallel()
	var l logged
	m := &message.Message{
		ID: "42", Body: []byte("echo"), ContentType: "text/plain", Exchange: "events", RoutingKey: "user.signed_up", Queue: "welcome", Attempt: 3,
		Timestamp: time.Date(99999, 1, 2, 3, 4, 5, 0, time.UTC), Redelivered: true,
		Headers: message.Headers{"x-tenant": "<blue>", "n": int64(7), "bytes": []byte("raw"), "warren-error": "ours", "traceparent": "00-x"},
	}
	want := `[attempt=3 content_type=text/plain exchange=events headers=map[bytes:raw n:7 x-tenant:<blue>] id=1 message_id=42 priority=0 ` +
		`queue=welcome redelivered=true routing_key=user.signed_up timestamp=99999-01-02T03:04:05Z trace=map[traceparent:00-x]]`
	h := handler(t, persistent(&l))
	if reported, ok := errors.AsType[*job.ReportedError](h.Handle(t.Context(), m)); !ok || reported.Text != want {
		t.Errorf("got %+v, want %s", reported, want)
	}
	m.Body = []byte{0xff, 'x'}
	if err := h.Handle(t.Context(), m); !strings.Contains(text(err), "is invalid") { // a body of no text, which the program takes for an answer
		t.Errorf("got %v, want nonsense", err)
	}
}

func TestPersistentStartsAgainAfterAFailure(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, body, want string }{
		{"a process that dies", "die", "Traceback: out of luck"},
		{"an answer that is no JSON", "garbage", `the answer "Hello, world!" is invalid: invalid character 'H' looking for beginning of value`},
		{"an answer without a verdict", `{"ok":false}`, `want either "ok":true or an "error" with a text`},
		{"an answer with two verdicts", `{"ok":true,"error":"no"}`, `want either "ok":true`},
		{"an answer with two marks", `{"error":"no","discard":true,"permanent":true}`, `want one of "retry_after"`},
		{"an answer with a mark and no error", `{"ok":true,"permanent":true}`, `want one of "retry_after"`},
		{"an answer with a slip of the pen", `{"error":"no","permament":true}`, `unknown field "permament"`},
		{"an answer with a pause that is none", `{"error":"no","retry_after":"soon"}`, `"retry_after" is "soon", want such as "30s"`},
		{"an answer for another message", `{"ok":true,"id":7}`, `"id" is 7, want`},
		{"two values on a line", `{"ok":true} {}`, "more than one JSON value"},
		{"an answer over the limit", `{"error":"` + strings.Repeat("x", 2000) + `"}`, "the line is longer than MaxAnswerBytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var l logged
			e := persistent(&l)
			e.MaxAnswerBytes = 1000
			h := handler(t, e)
			first := pid(t, h)
			if err := h.Handle(t.Context(), body(tt.body)); verdict(err) != "retry" || !strings.Contains(text(err), tt.want) {
				t.Errorf("got %v, want %q in it", err, tt.want)
			}
			if second := pid(t, h); second == first {
				t.Error("the process is still the same, want another")
			}
		})
	}
}

func TestPersistentTakesNoAnswerForAnotherMessage(t *testing.T) {
	t.Parallel()
	var l logged
	h := handler(t, persistent(&l))
	if err := h.Handle(t.Context(), body("twice")); err != nil {
		t.Fatal(err)
	}
	if err := h.Handle(t.Context(), body("die")); verdict(err) != "retry" || !strings.Contains(text(err), "is invalid") {
		t.Errorf("got %v, want that the answer is invalid", err)
	}
}

func TestPersistentLosesNoMessageToAProcessThatHasEnded(t *testing.T) {
	t.Parallel()
	s := listen(t)
	e := program("old", s.env())
	e.Persistent, e.Logger, e.Backoff = true, quiet(), retry.Policy{InitialInterval: time.Hour, MaxInterval: time.Hour}
	h := handler(t, e)
	for range 5 { // each ends the process; none is a failure, so none is waited for
		if err := h.Handle(t.Context(), body("")); err != nil {
			t.Errorf("got %v, want nil", err)
		}
		awaitNoGroup(t, s.accept().pid) // until it is known to have ended
	}
}

func TestPersistentStartsOneProcessForEachMessageInHand(t *testing.T) {
	t.Parallel()
	var l logged
	h := handler(t, persistent(&l))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 50 {
				if err := h.Handle(t.Context(), body(`{"ok":true}`)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n := strings.Count(l.String(), "job: process started"); n < 1 || n > 4 {
		t.Errorf("%d processes were started, want 4 at most", n)
	}
}

func TestPersistentSpacesItsStarts(t *testing.T) {
	t.Parallel()
	e := job.Exec{Command: []string{"./none"}, Persistent: true, Backoff: retry.Policy{InitialInterval: time.Hour, MaxInterval: time.Hour}}
	h, err := e.Handler()
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Handle(t.Context(), body("")); !strings.Contains(text(err), "cannot start") {
		t.Fatalf("got %v, want that it cannot start", err)
	}
	stopping := make(chan struct{})
	stopped := inBackground(warren.WithStopping(t.Context(), stopping), h, body(""))
	ctx, cancel := context.WithCancelCause(t.Context())
	cancelled := inBackground(ctx, h, body(""))
	closed := inBackground(t.Context(), h, body(""))
	close(stopping)
	if err := <-stopped; !errors.Is(err, warren.ErrStopping) {
		t.Errorf("got %v, want ErrStopping", err)
	}
	cancel(errEnough)
	if err := <-cancelled; !errors.Is(err, errEnough) {
		t.Errorf("got %v, want the cause of the context", err)
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	if err := <-closed; !errors.Is(err, job.ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
}

func TestPersistentWaitsAfterADeath(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"die", "garbage"} {
		var l logged
		e := persistent(&l)
		e.Backoff = retry.Policy{InitialInterval: time.Hour, MaxInterval: time.Hour}
		h := handler(t, e)
		if err := h.Handle(t.Context(), body(end)); verdict(err) != "retry" {
			t.Fatalf("%s: got %v, want a retry", end, err)
		}
		ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errEnough)
		if err := h.Handle(ctx, body(`{"ok":true}`)); !errors.Is(err, errEnough) {
			t.Errorf("%s: got %v, want the wait for the next start cut short", end, err)
		}
		cancel()
		if n := strings.Count(l.String(), "job: process started"); n != 1 {
			t.Errorf("%s: %d processes were started, want 1", end, n)
		}
	}
}

func TestPersistentInPython(t *testing.T) {
	t.Parallel()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Log("NOT TESTED: there is no python3")
		return
	}
	var l logged
	h := handler(t, job.Exec{Command: []string{python, "testdata/welcome.py"}, Persistent: true, Logger: logTo(&l, slog.LevelInfo)})
	for range 3 {
		if err := h.Handle(t.Context(), body(`{"email":"alice@example.com"}`)); err != nil {
			t.Error(err)
		}
		if err := h.Handle(t.Context(), body("{}")); verdict(err) != "dead-letter" || !strings.Contains(text(err), "KeyError('email')") {
			t.Errorf("got %v, want a dead letter", err)
		}
	}
	l.await(t, `line="welcome alice@example.com"`)
}

func TestPersistentLogsStderrLineByLine(t *testing.T) {
	t.Parallel()
	var l logged
	h := handler(t, persistent(&l))
	m := body(`{"ok":true}`)
	m.ID = "m-1"
	if err := h.Handle(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	l.await(t, `line=started`)
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	l.await(t, `message_id=m-1 line="no more messages"`) // so its stdin was closed, and it was not killed
	if err := h.Handle(t.Context(), body("")); !errors.Is(err, job.ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
}

func TestPersistentKillsAtCloseWhatDoesNotEnd(t *testing.T) {
	t.Parallel()
	s := listen(t)
	e := job.Exec{
		Command: []string{"sh", "-c", `read line; echo '{"id":1,"ok":true}'; exec "$0"`, os.Args[0]},
		Env:     []string{"PROGRAM=wait", s.env()}, Persistent: true, KillDelay: 10 * time.Millisecond, Logger: quiet(),
	}
	h := handler(t, e)
	if err := h.Handle(t.Context(), body("")); err != nil {
		t.Fatal(err)
	}
	p := s.accept()
	if err := h.Close(); err != nil || !p.endsSoon() {
		t.Errorf("got %v, want the process killed", err)
	}
}
