package command_test

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/runner/internal/command"
)

// childVariable makes the test binary a runner with these arguments.
const childVariable = "WARREN_TEST_RUNNER"

func TestMain(m *testing.M) {
	if args := os.Getenv(childVariable); args != "" {
		p := command.Program{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}
		os.Exit(command.Execute(context.Background(), p, strings.Fields(args)))
	}
	os.Exit(m.Run())
}

// runner is a runner in a process of its own.
type runner struct {
	cmd    *exec.Cmd
	stderr *bufio.Scanner
	last   string // line
}

func startRunner(t *testing.T, url string) *runner {
	t.Helper()
	file := t.TempDir() + "/config.yaml"
	yaml := "grace: 1s\nadmin: {listen: none}\nbroker: {url: \"" + url + "\", heartbeat: 1m}\nexchanges: [{name: " + rabbit.Queue(t) + "}]\n" +
		"queues: [{name: " + rabbit.Queue(t) + ", handlers: [{key: \"#\", exec: {command: [/bin/cat]}}]}]\n"
	if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"=run -c "+file)
	out, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return &runner{cmd: cmd, stderr: bufio.NewScanner(out)}
}

// says waits for a line with text.
func (r *runner) says(t *testing.T, text string) {
	t.Helper()
	for r.stderr.Scan() {
		r.last = r.stderr.Text()
		if strings.Contains(r.last, text) {
			return
		}
	}
	t.Fatalf("the runner said %q and ended without a line with %q", r.last, text)
}

func (r *runner) signal(t *testing.T) {
	t.Helper()
	if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
}

// hangUp sends SIGHUP again and again, until the process has ended.
func (r *runner) hangUp() {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for r.cmd.Process.Signal(syscall.SIGHUP) == nil {
		<-tick.C
	}
}

// ends waits for the end of the process and returns its status, and how long it took.
func (r *runner) ends(t *testing.T) (status int, took time.Duration) {
	t.Helper()
	began := time.Now()
	for r.stderr.Scan() { // until the pipe ends
	}
	_ = r.cmd.Wait() // its status says it
	return r.cmd.ProcessState.ExitCode(), time.Since(began)
}

func TestASecondSignalEndsARunnerWhoseBrokerDoesNotAnswer(t *testing.T) {
	t.Parallel()
	proxy := rabbit.NewProxy(t, rabbit.URL(t))
	r := startRunner(t, proxy.URL())
	r.says(t, "consuming")
	proxy.Delay(t, time.Hour)
	t.Cleanup(func() { proxy.Delay(t, 0) })
	r.signal(t)
	r.signal(t) // the same signal, to the process and its group
	r.says(t, "draining")
	<-time.After(1500 * time.Millisecond)
	r.signal(t)
	if status, took := r.ends(t); status != 130 || took > 4*time.Second {
		t.Errorf("it ended with status %d after %v, want 130 at once", status, took)
	}
}

func TestARunnerIgnoresHangupsWhileItStartsAndAfterItsDrain(t *testing.T) {
	t.Parallel()
	r := startRunner(t, rabbit.URL(t))
	r.says(t, "") // the first line
	hungUp := make(chan struct{})
	go func() {
		defer close(hungUp)
		r.hangUp()
	}()
	r.says(t, "consuming")
	r.signal(t)
	if status, _ := r.ends(t); status != 0 {
		t.Errorf("it ended as %v, want status 0", r.cmd.ProcessState)
	}
	<-hungUp
}
