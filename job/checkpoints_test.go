package job_test

import (
	"errors"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/warren-mq/warren/checkpoint"
	warren "github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/job"
	"github.com/warren-mq/warren/message"
)

// resume handles a message whose checkpoint is last, and returns its state and the error.
func resume(t *testing.T, h job.Handler, last string, m *message.Message) (*checkpoint.State, error) {
	t.Helper()
	s := checkpoint.NewState(last)
	return s, h.Handle(checkpoint.NewContext(t.Context(), s), m)
}

func TestACommandSavesCheckpoints(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, notes string
		want        string
		progress    float64
		err         string
	}{
		{"the last one counts", `{"checkpoint":1}` + "\n" + `{"checkpoint": {"row": 2}}` + "\n", `{"row":2}`, 0, "exit status 1"},
		{"with the progress", `{"checkpoint":1,"progress":0.5}` + "\n", "1", 0.5, "exit status 1"},
		{"the progress alone", `{"progress":0.25}` + "\n", `"old"`, 0.25, "exit status 1"},
		{"none keeps the old one", "", `"old"`, 0, "exit status 1"},
		{"null", `{"checkpoint":null}` + "\n", "null", 0, "exit status 1"},
		{"a line without an end is not complete", `{"checkpoint":1}` + "\n" + `{"checkpoint":2}`, "1", 0, "exit status 1"},
		{"a line that is not JSON", `{"checkpoint":1}` + "\nrow 2\n", "1", 0, `line 2 on descriptor 3, "row 2", is not a checkpoint: invalid character`},
		{"an unknown field", `{"check_point":1}` + "\n", `"old"`, 0, `unknown field "check_point"`},
		{"an id", `{"id":1,"checkpoint":1}` + "\n", `"old"`, 0, `"id" is 1, want 0`},
		{"two values", "{\"checkpoint\":1}{}\n", `"old"`, 0, "more than one JSON value"},
		{"an object without a value", "{}\n", `"old"`, 0, "want one of them"},
		{"a checkpoint that is too large", `{"checkpoint":"` + strings.Repeat("x", checkpoint.MaxBytes) + "\"}\n", `"old"`, 0, "want at most 8192"},
		{"a line that is too long", `{"checkpoint":"` + strings.Repeat("x", 10_000) + "\"}\n", `"old"`, 0, "longer than 9216 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e := program("note", "NOTES="+tt.notes, "CODE=1")
			e.Checkpoints = true
			s, err := resume(t, handler(t, e), `"old"`, &message.Message{})
			if s.Value() != tt.want || s.Progress() != tt.progress || verdict(err) != "retry" || !strings.Contains(text(err), tt.err) {
				t.Errorf("got the checkpoint %s, the progress %v and the error %v, want %s, %v and %q", s.Value(), s.Progress(), err, tt.want, tt.progress, tt.err)
			}
		})
	}
}

func TestACommandGetsTheLastCheckpoint(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, last, want string }{
		{"of an earlier attempt", `{"row":"é"}`, `<{"row":"é"}>`},
		{"none in the first attempt", "", "<>"},
		{"none if it is not JSON", "{", "<>"},
		{"none if it is too large", `"` + strings.Repeat("x", checkpoint.MaxBytes) + `"`, "<>"},
	} {
		e := job.Exec{Command: []string{"sh", "-c", `echo "<$WARREN_CHECKPOINT>" >&2; exit 1`}, Checkpoints: true}
		if s, err := resume(t, handler(t, e), tt.last, &message.Message{}); !strings.HasSuffix(text(err), tt.want) || s.Value() != tt.last {
			t.Errorf("%s: got %v, want %s", tt.name, err, tt.want)
		}
	}
}

func TestABadCheckpointStopsTheCommand(t *testing.T) {
	t.Parallel()
	e := job.Exec{Command: []string{"sh", "-c", "echo row 5 >&3; sleep 3600"}, Checkpoints: true}
	if _, err := resume(t, handler(t, e), "", &message.Message{}); verdict(err) != "retry" || !strings.Contains(text(err), `"row 5", is not a checkpoint`) {
		t.Errorf("got %v, want an error about the line", err)
	}
}

// TestADescendantThatKeepsTheDescriptorIsNotWaitedFor: a process in a session of its own.
func TestADescendantThatKeepsTheDescriptorIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	e := job.Exec{Command: []string{"sh", "-c", `echo '{"checkpoint":1}' >&3; setsid sleep 60 >/dev/null 2>&1 & exit 1`}, Checkpoints: true}
	began := time.Now()
	if s, err := resume(t, handler(t, e), "", &message.Message{}); s.Value() != "1" || !strings.Contains(text(err), "exit status 1") || time.Since(began) > 30*time.Second {
		t.Errorf("got %v and the checkpoint %q after %v", err, s.Value(), time.Since(began))
	}
}

// TestAStopReleasesTheMessage: the program has saved a checkpoint when the worker begins to stop.
func TestAStopReleasesTheMessage(t *testing.T) {
	t.Parallel()
	const waits = "sleep 3600 & wait"
	for _, tt := range []struct {
		name, script string
		persistent   bool
		released     bool
		want         string
	}{
		{"a command that is ended by the signal", `echo '{"checkpoint":1}' >&3; ` + waits, false, true, "signal: terminated"},
		{"a command that fails then", `trap 'exit 75' TERM; echo '{"checkpoint":1}' >&3; ` + waits, false, true, "exit status 75"},
		{"a command that fails for good", `trap 'exit 65' TERM; echo '{"checkpoint":1}' >&3; ` + waits, false, false, "exit status 65"},
		{"a command that is done then", `trap 'exit 0' TERM; echo '{"checkpoint":1}' >&3; ` + waits, false, false, ""},
		{"a process that is ended by the signal", `read -r m; echo '{"id":1,"checkpoint":1}'; ` + waits, true, true, "signal: terminated before it answered"},
		{"a process that answers then", `trap 'echo "{\"id\":1,\"error\":\"told to stop\"}"' TERM; read -r m; echo '{"id":1,"checkpoint":1}'; ` + waits + `; read -r m`, true, true, "told to stop"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e := job.Exec{Command: []string{"sh", "-c", tt.script}, Persistent: tt.persistent, Checkpoints: true, Logger: quiet()}
			stopping := make(chan struct{})
			s := checkpoint.NewState("")
			ctx := warren.WithStopping(checkpoint.NewContext(t.Context(), s), stopping)
			done := inBackground(ctx, handler(t, e), &message.Message{})
			rabbit.Eventually(t, time.Minute, func() bool { return s.Value() == "1" }, "the checkpoint is saved")
			close(stopping)
			if err := <-done; errors.Is(err, warren.ErrStopping) != tt.released || (err == nil) != (tt.want == "") || !strings.Contains(text(err), tt.want) {
				t.Errorf("got %v, want %q, released is %v", err, tt.want, tt.released)
			}
		})
	}
}

func TestAProcessSavesCheckpointsBeforeItsAnswer(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, lines, want string
		progress          float64
		err               string
	}{
		{"several", `"checkpoint":1}` + "\n" + `{"id":1,"checkpoint":{"row":2},"progress":0.5}` + "\n" + `{"id":1,"ok":true}`, `{"row":2}`, 0.5, ""},
		{"before a failure", `"checkpoint":1}` + "\n" + `{"id":1,"error":"full"}`, "1", 0, "full"},
		{"with an answer", `"checkpoint":1,"ok":true}`, `"old"`, 0, `unknown field "ok"`},
		{"of another message", `"progress":1}` + "\n" + `{"id":7,"checkpoint":1}`, `"old"`, 1, `"id" is 7, want 1`},
	} {
		var l logged
		e := persistent(&l)
		e.Checkpoints = true
		s, err := resume(t, handler(t, e), `"old"`, body(tt.lines))
		if s.Value() != tt.want || s.Progress() != tt.progress || (err == nil) != (tt.err == "") || !strings.Contains(text(err), tt.err) {
			t.Errorf("%s: got the checkpoint %s, the progress %v and the error %v, want %s, %v and %q", tt.name, s.Value(), s.Progress(), err, tt.want, tt.progress, tt.err)
		}
	}
	var l logged
	e := persistent(&l)
	if err := handler(t, e).Handle(t.Context(), body(`"checkpoint":1}`)); !strings.Contains(text(err), "is invalid") {
		t.Errorf("got %v without Checkpoints, want that the line is invalid", err)
	}
	e.Checkpoints = true
	if _, err := resume(t, handler(t, e), `{"row":7}`, body("echo")); !strings.Contains(text(err), "checkpoint=map[row:7]") {
		t.Errorf("the request was %v, want the checkpoint in it", err)
	}
	if _, err := resume(t, handler(t, e), "", body("echo")); strings.Contains(text(err), "checkpoint") {
		t.Errorf("the request was %v, want none without a checkpoint", err)
	}
}

func TestAServerSavesCheckpoints(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		status int
		saves  string
		want   string
		err    string
	}{
		{"with a failure", 503, `{"page":2}`, `{"page":2}`, "503 Service Unavailable"},
		{"with a failure for good", 422, "2", "2", "422 Unprocessable Entity"},
		{"not with a success", 200, "2", `"é😀"`, ""},
		{"none keeps the last one", 503, "", `"é😀"`, "503 Service Unavailable"},
		{"text in place of JSON", 503, "page 2", `"é😀"`, `503 Service Unavailable; Warren-Checkpoint is "page 2", want JSON`},
		{"too large", 429, `"` + strings.Repeat("x", 4096) + `"`, `"é😀"`, "Warren-Checkpoint has 4098 bytes, want at most 4096"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if got := r.Header.Get("Warren-Checkpoint"); got != `"\u00e9\ud83d\ude00"` {
					t.Errorf("the request has the checkpoint %s", got)
				}
				if tt.saves != "" {
					w.Header().Set("Warren-Checkpoint", tt.saves)
				}
				w.WriteHeader(tt.status)
			})
			w.Checkpoints = true
			s, err := resume(t, handler(t, w), `"é😀"`, &message.Message{})
			if s.Value() != tt.want || (err == nil) != (tt.err == "") || !strings.Contains(text(err), tt.err) {
				t.Errorf("got the checkpoint %s and the error %v, want %s and %q", s.Value(), err, tt.want, tt.err)
			}
			if permanent := tt.status == 422; permanent != (verdict(err) == "dead-letter") {
				t.Errorf("the outcome is %s", verdict(err))
			}
		})
	}
}

func TestAPythonProgramContinuesAfterARowThatFailed(t *testing.T) {
	t.Parallel()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Log("NOT TESTED: python3 is not installed")
		return
	}
	h := handler(t, job.Exec{Command: []string{python, "testdata/import.py"}, Checkpoints: true})
	s, err := resume(t, h, "", &message.Message{Body: []byte("1\n2\nthree\n4\n")})
	if s.Value() != `{"row":2}` || s.Progress() != 0.5 || !strings.Contains(text(err), "ValueError") {
		t.Errorf("got the checkpoint %s, the progress %v and the error %v, want the third row to fail", s.Value(), s.Progress(), err)
	}
	if s, err = resume(t, h, s.Value(), &message.Message{Body: []byte("one\ntwo\n3\n4\n")}); err != nil || s.Value() != `{"row":4}` {
		t.Errorf("got the checkpoint %s and the error %v, want that the first rows are not imported again", s.Value(), err)
	}
}
