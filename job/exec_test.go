package job_test

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"go.opentelemetry.io/otel/trace"

	"github.com/warren-mq/warren/job"
	"github.com/warren-mq/warren/message"
)

func TestExecTurnsExitStatusesIntoOutcomes(t *testing.T) {
	t.Parallel()
	own := map[int]job.Verdict{0: job.Retry, 1: job.DeadLetter, 2: job.Discard, 65: job.Retry, 9: job.Ack}
	tests := []struct {
		name, code, say string
		codes           map[int]job.Verdict
		want, wantText  string
	}{
		{"0 is done", "0", "a warning", nil, "ack", ""},
		{"1 is tried again with the end of stderr as the text", "1", "mailbox is full", nil, "retry", ": exit status 1: mailbox is full"},
		{"75 is tried again", "75", "", nil, "retry", ": exit status 75"},
		{"65 makes a dead letter", "65", "no address", nil, "dead-letter", ": exit status 65: no address"},
		{"78 makes a dead letter", "78", "", nil, "dead-letter", ": exit status 78"},
		{"a signal is tried again", "signal", "", nil, "retry", ": signal: killed"},
		{"the last line may ask for a pause", "75", "busy|retry-after: 30s|", nil, "retry after 30s", ": exit status 75: busy"},
		{"the pause may be in seconds and of any exit status", "1", "Retry-After: 7", nil, "retry after 7s", ": exit status 1"},
		{"a pause of more than a day is a day", "1", "retry-after: 999h", nil, "retry after 24h0m0s", ": exit status 1"},
		{"a pause that is none is text", "1", "retry-after: soon", nil, "retry", ": exit status 1: retry-after: soon"},
		{"a pause that is not on the last line is text", "1", "retry-after: 3s|bye", nil, "retry", ": exit status 1: retry-after: 3s bye"},
		{"a dead letter asks for no pause", "65", "bad|retry-after: 3s", nil, "dead-letter", ": exit status 65: bad"},
		{"the map makes 0 a failure", "0", "", own, "retry", ": exit status 0"},
		{"the map makes 1 a dead letter", "1", "", own, "dead-letter", ": exit status 1"},
		{"the map makes 2 be discarded", "2", "", own, "discard", ": exit status 2"},
		{"the map makes 9 be done", "9", "", own, "ack", ""},
		{"the map wins over 65", "65", "", own, "retry", ": exit status 65"},
		{"the map leaves others as they are", "78", "", own, "dead-letter", ": exit status 78"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e := program("exit", "CODE="+tt.code, "SAY="+tt.say)
			e.ExitCodes = tt.codes
			err := handler(t, e).Handle(t.Context(), &message.Message{})
			if got := verdict(err); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			if got := text(err); got != "" && got != "job: "+os.Args[0]+tt.wantText {
				t.Errorf("text is %q, want %q at its end", got, tt.wantText)
			}
		})
	}
}

func TestExecMakesStderrSafeToShow(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, say, want string }{
		{"lines become one", "a|  b|", "a b"},
		{"colours and control characters go", "\x1b[1;31mred\x1b[0m\a \x01x\u202ey\x7f", "red xy"},
		{"what is not UTF-8 is replaced", "caf\xe9!", "caf\uFFFD!"},
		{"a long one keeps its end", strings.Repeat("è", 4000) + "the end", strings.Repeat("è", 507) + "the end"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := handler(t, program("exit", "CODE=1", "SAY="+tt.say)).Handle(t.Context(), &message.Message{})
			exit, ok := errors.AsType[*job.ExitError](err)
			if !ok || exit.Code != 1 || strings.TrimPrefix(exit.Stderr, "…") != tt.want {
				t.Errorf("got %#v, want the text %q", err, tt.want)
			}
			if len(exit.Stderr) > 1<<10 || !utf8.ValidString(exit.Stderr) {
				t.Errorf("got %d bytes, want 1024 at most, of UTF-8", len(exit.Stderr))
			}
		})
	}
}

func TestExecGivesTheMessageAndACleanEnvironment(t *testing.T) {
	t.Setenv("JOB_TEST_PASSED_ON", "yes")
	t.Setenv("JOB_TEST_KEPT_BACK", "no")
	t.Setenv("LANG", "C.UTF-8")
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	m := &message.Message{
		ID: "42", Body: []byte("a\x00body"), ContentType: "text/plain", CorrelationID: "c", Type: "signup", AppID: "shop", ReplyTo: "r",
		Exchange: "events", RoutingKey: "user.signed_up\x00", Queue: "welcome", Attempt: 3, Priority: 9, Redelivered: true,
		Timestamp: time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600)),
		Headers: message.Headers{
			"x-Tenant": "blue\nred", "x_tenant": "second", "n": int64(7), "nan": math.NaN(), "list": []any{"a", int32(1)}, "bytes": []byte("raw"),
			"warren-error": "ours", "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "big": strings.Repeat("x", 32<<10+1),
			"at": time.Unix(0, 0), "none": nil,
		},
	}
	e := program("tell", "JOB_TEST_PASSED_ON", "JOB_TEST_NOT_SET", "LANG=en")
	e.Dir = dir
	got := whatItSees(t.Context(), t, e, m)
	want := []string{
		"PROGRAM=tell", "JOB_TEST_PASSED_ON=yes", "LANG=en", "PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"),
		"WARREN_MESSAGE_ID=42", "WARREN_CONTENT_TYPE=text/plain", "WARREN_CONTENT_ENCODING=", "WARREN_CORRELATION_ID=c", "WARREN_TYPE=signup",
		"WARREN_APP_ID=shop", "WARREN_REPLY_TO=r", "WARREN_EXCHANGE=events", "WARREN_ROUTING_KEY=user.signed_up", "WARREN_QUEUE=welcome",
		"WARREN_ATTEMPT=3", "WARREN_PRIORITY=9", "WARREN_REDELIVERED=true", "WARREN_TIMESTAMP=2026-01-02T02:04:05Z",
		"WARREN_HEADER_X_TENANT=blue\nred", "WARREN_HEADER_N=7", "WARREN_HEADER_NAN=\"NaN\"", `WARREN_HEADER_LIST=["a",1]`, "WARREN_HEADER_BYTES=raw",
		"WARREN_HEADER_AT=1970-01-01T00:00:00Z", "WARREN_HEADER_NONE=", "TRACEPARENT=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
	}
	if tz, ok := os.LookupEnv("TZ"); ok {
		want = append(want, "TZ="+tz)
	}
	env := slices.DeleteFunc(got.Env, func(s string) bool { return strings.HasPrefix(s, "WARREN_RUN=") || strings.HasPrefix(s, "TELL=") })
	slices.Sort(env)
	slices.Sort(want)
	if !slices.Equal(env, want) {
		t.Errorf("environment is\n%q, want\n%q", env, want)
	}
	if string(got.Body) != string(m.Body) || got.Dir != dir {
		t.Errorf("got the body %q in %s, want %q in %s", got.Body, got.Dir, m.Body, dir)
	}
}

// whatItSees runs e, which must be the program tell, for m.
func whatItSees(ctx context.Context, t *testing.T, e job.Exec, m *message.Message) (seen told) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "told")
	e.Env = append(e.Env, "TELL="+file)
	if err := handler(t, e).Handle(ctx, m); err != nil {
		t.Fatal(err)
	}
	all, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(all, &seen); err != nil {
		t.Fatal(err)
	}
	return seen
}

func TestExecCarriesOnTheTraceOfTheContext(t *testing.T) {
	t.Parallel()
	m := &message.Message{Headers: message.Headers{"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "baggage": "a=1"}}
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled})
	ctx := trace.ContextWithSpanContext(t.Context(), span)
	got := whatItSees(ctx, t, program("tell"), m)
	if want := "TRACEPARENT=00-01000000000000000000000000000000-0200000000000000-01"; !slices.Contains(got.Env, want) {
		t.Errorf("environment is %q, want %q in it", got.Env, want)
	}
}

func TestExecReportsThatACommandCannotStart(t *testing.T) {
	t.Parallel()
	plain := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(plain, []byte("#!/bin/sh\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		e    job.Exec
		want string
		is   error
	}{
		{"a file that is not there", job.Exec{Command: []string{"./send-welcome", "secret"}}, "job: cannot start ./send-welcome: fork/exec ./send-welcome: no such file or directory", fs.ErrNotExist},
		{"a name that is not in PATH", job.Exec{Command: []string{"send-welcome"}}, `job: cannot start send-welcome: exec: "send-welcome": executable file not found in $PATH`, nil},
		{"a file that may not be run", job.Exec{Command: []string{plain}}, "job: cannot start " + plain + ": fork/exec " + plain + ": permission denied", fs.ErrPermission},
		{"a directory that is not there", job.Exec{Command: []string{"/bin/sh"}, Dir: "/none"}, "job: cannot start /bin/sh: stat /none: no such file or directory", fs.ErrNotExist},
	}
	for _, tt := range tests {
		for _, persistent := range []bool{false, true} {
			t.Run(tt.name, func(t *testing.T) {
				t.Parallel()
				e := tt.e
				e.Persistent = persistent
				err := handler(t, e).Handle(t.Context(), &message.Message{})
				if text(err) != tt.want || verdict(err) != "retry" || tt.is != nil && !errors.Is(err, tt.is) {
					t.Errorf("got %s: %v, want retry: %s", verdict(err), err, tt.want)
				}
			})
		}
	}
}

func TestExecStartsNothingOnceTheContextIsDone(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errEnough)
	e := job.Exec{Command: []string{"./none"}}
	for _, e.Persistent = range []bool{false, true} {
		if err := handler(t, e).Handle(ctx, &message.Message{}); !errors.Is(err, errEnough) {
			t.Errorf("got %v, want the cause of the context", err)
		}
	}
}

func TestExecLogsStdoutAtLevelDebug(t *testing.T) {
	t.Parallel()
	for level, want := range map[slog.Level]string{slog.LevelDebug: `status="exit status 0"`, slog.LevelInfo: ""} {
		var l logged
		e := job.Exec{Command: []string{"sh", "-c", "cat; printf '\\033[1mmore'"}, Logger: logTo(&l, level)}
		if err := handler(t, e).Handle(t.Context(), &message.Message{ID: "7", Body: []byte("a\nb ")}); err != nil {
			t.Error(err)
		}
		if got := l.String(); (got == "") != (want == "") || !strings.Contains(got, want) ||
			want != "" && !strings.Contains(got, `message_id=7`) || want != "" && !strings.Contains(got, `stdout="a b more"`) {
			t.Errorf("at level %v logged %q, want %q in it", level, got, want)
		}
	}
}

func TestExecMayLeaveTheBodyUnread(t *testing.T) {
	t.Parallel()
	m := &message.Message{Body: make([]byte, 16*megabyte)}
	if err := handler(t, program("exit", "CODE=0")).Handle(t.Context(), m); err != nil {
		t.Errorf("got %v, want nil", err)
	}
}
