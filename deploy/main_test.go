package deploy_test

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/runner"
)

// asRunner is a variable that makes the test binary a runner.
const asRunner = "TEST_AS_RUNNER"

// patience is how long a test waits: the machine may be busy.
const patience = time.Minute

func TestMain(m *testing.M) {
	if os.Getenv(asRunner) != "" {
		runner.Main()
	}
	os.Exit(m.Run())
}

// command returns a command of the runner.
func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	c := exec.CommandContext(t.Context(), os.Args[0], args...)
	c.Env = append(os.Environ(), asRunner+"=1")
	return c
}

// output runs a command and returns its output.
func output(t *testing.T, c *exec.Cmd) string {
	t.Helper()
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s%s", c.Args, err, out, &stderr)
	}
	return string(out)
}

// process is a runner in a process of its own.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{}
	err   error // of the process, once it has ended
	log   bytes.Buffer
}

// start starts a command, which is killed at the end of the test.
func start(t *testing.T, c *exec.Cmd) *process {
	t.Helper()
	p := &process{cmd: c, ended: make(chan struct{})}
	c.Stderr = &p.log
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		p.err = c.Wait()
	}()
	t.Cleanup(func() {
		_ = c.Process.Kill() // it may have ended
		<-p.ended
		if t.Failed() {
			t.Logf("%v wrote:\n%s", c.Args, &p.log)
		}
	})
	return p
}

// signal sends a signal to the process.
func (p *process) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// end waits until the process has ended, and returns how long it took.
func (p *process) end(t *testing.T, limit time.Duration) time.Duration {
	t.Helper()
	began := time.Now()
	select {
	case <-p.ended:
	case <-time.After(limit):
		t.Fatalf("the runner has not ended within %v", limit)
	}
	return time.Since(began)
}

// freeAddress returns an address whose port was free a moment ago.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }() // opened only for its address
	return l.Addr().String()
}

// get requests a URL, and returns the status, which is 0 without an answer, and the body.
func get(url string) (status int, body string) {
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get(url)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = response.Body.Close() }() // it was read
	data, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err.Error()
	}
	return response.StatusCode, string(data)
}

// awaitReady waits until the runner at an address is ready.
func awaitReady(t *testing.T, address string) {
	t.Helper()
	rabbit.Eventually(t, patience, func() bool {
		status, _ := get("http://" + address + "/readyz")
		return status == http.StatusOK
	}, "the runner is ready")
}

// write writes a file into a folder and returns its path.
func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// filled replaces NAME in text by values: NAME, value, ….
func filled(text string, values ...string) string {
	return strings.NewReplacer(values...).Replace(text)
}

// script returns a command of scripts/prometheus.
func script(args ...string) *exec.Cmd { return exec.Command("../scripts/prometheus", args...) }
