package warren_test

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/warren-mq/warren/broker"
)

// buildReadme builds the programs of the README, the worker changed as the README says if
// shared, and returns their commands.
func buildReadme(t *testing.T, shared bool) (worker, publisher string) {
	t.Helper()
	var programs []block
	for _, b := range blocks("README.md", pages(t, os.DirFS("."))["README.md"]) {
		if b.isProgram() {
			programs = append(programs, b)
		}
	}
	if len(programs) != 2 {
		t.Fatalf("the README has %d programs, want a worker and a publisher", len(programs))
	}
	if shared {
		programs[0].code = strings.Replace(programs[0].code,
			"broker.Config{URL: dev.URL(), Dial: dev.DialContext}", `broker.Config{URL: os.Getenv("AMQP_URL")}`, 1)
		for _, removed := range []string{"\tdev := devbroker.New()", `"github.com/warren-mq/warren/devbroker"`} {
			programs[0].code = regexp.MustCompile(`(?m)^.*`+regexp.QuoteMeta(removed)+`.*\n`).ReplaceAllString(programs[0].code, "")
		}
	}
	dir, out, err := build(t, programs)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return filepath.Join(dir, "bin", "0"), filepath.Join(dir, "bin", "1")
}

// start starts a program with the given AMQP_URL, in a folder of its own, and returns what it
// logs, line by line. When the test ends it is interrupted, and must end in peace.
func start(t *testing.T, program, url string, args ...string) <-chan string {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Env = t.TempDir(), append(os.Environ(), "AMQP_URL="+url, "WARREN_ADMIN_LISTEN=127.0.0.1:0")
	read, write := io.Pipe()
	cmd.Stdout, cmd.Stderr = write, write
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	logged := make(chan string, 1000)
	go func() {
		defer close(logged)
		for lines := bufio.NewScanner(read); lines.Scan(); {
			logged <- lines.Text()
		}
	}()
	t.Cleanup(func() {
		if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
			t.Error(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s ended with %v", program, err)
		}
		_ = write.Close() // the program has ended
	})
	return logged
}

// await waits for a line with text, and returns it.
func await(t *testing.T, logged <-chan string, text string) string {
	t.Helper()
	var seen []string
	end := time.After(time.Minute)
	for {
		select {
		case line, more := <-logged:
			if seen = append(seen, line); strings.Contains(line, text) {
				return line
			}
			if !more {
				t.Fatalf("the program ended without %q:\n%s", text, strings.Join(seen, "\n"))
			}
		case <-end:
			t.Fatalf("no %q within a minute:\n%s", text, strings.Join(seen, "\n"))
		}
	}
}

func TestTheFirstProgramOfTheReadmeNeedsOnlyGo(t *testing.T) {
	t.Parallel()
	worker, _ := buildReadme(t, false)
	await(t, start(t, worker, ""), "queue consuming")
}

// TestWorkerAndPublisherOfTheReadmeMeet also publishes before the worker runs: that must fail,
// and the queues of the example of runner dev must not take the message.
func TestWorkerAndPublisherOfTheReadmeMeet(t *testing.T) {
	t.Parallel()
	worker, publisher := buildReadme(t, true)
	runner := filepath.Join(t.TempDir(), "runner")
	if out, err := goTool(t, ".", "build", "-o", runner, "./cmd/runner"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	const export = "export AMQP_URL="
	_, url, _ := strings.Cut(await(t, start(t, runner, "", "dev"), export), export)
	publish := func() string {
		cmd := exec.CommandContext(t.Context(), publisher)
		cmd.Env = append(os.Environ(), "AMQP_URL="+url)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("the publisher ended with %v", err)
		}
		return string(out)
	}
	if out := publish(); !strings.Contains(out, broker.ErrUnroutable.Error()) {
		t.Errorf("without a worker the publisher logs %q, want %q", out, broker.ErrUnroutable)
	}
	logged := start(t, worker, url)
	await(t, logged, "worker: queue consuming")
	if out := publish(); out != "" {
		t.Errorf("the publisher logs %q, want nothing", out)
	}
	await(t, logged, "welcome, ada@example.com")
}
