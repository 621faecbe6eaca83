package warren_test

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/warren-mq/warren/devbroker"
)

// build builds the programs of the README, the worker changed as the README says if
// shared, and returns their commands.
func build(t *testing.T, shared bool) (worker, publisher string) {
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
		programs[0].code = strings.NewReplacer(
			"broker.Config{URL: dev.URL(), Dial: dev.DialContext}", `broker.Config{URL: os.Getenv("AMQP_URL")}`,
			"\tdev := ", "\t_ = ",
		).Replace(programs[0].code)
	}
	dir, out, err := compile(t, programs)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return filepath.Join(dir, "bin", "0"), filepath.Join(dir, "bin", "1")
}

// start starts a program with the given AMQP_URL and returns what it logs, line by line.
// When the test ends it is interrupted, and must end in peace.
func start(t *testing.T, program, url string) <-chan string {
	t.Helper()
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), "AMQP_URL="+url)
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

// await waits for a line with text.
func await(t *testing.T, logged <-chan string, text string) {
	t.Helper()
	var seen []string
	end := time.After(time.Minute)
	for {
		select {
		case line, more := <-logged:
			if seen = append(seen, line); strings.Contains(line, text) {
				return
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
	worker, _ := build(t, false)
	await(t, start(t, worker, ""), "queue consuming")
}

func TestWorkerAndPublisherOfTheReadmeMeet(t *testing.T) {
	t.Parallel()
	b, err := devbroker.Start(devbroker.Config{}) // as runner dev does
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	worker, publisher := build(t, true)
	logged := start(t, worker, b.URL())
	await(t, logged, "queue consuming")
	cmd := exec.CommandContext(t.Context(), publisher)
	cmd.Env = append(os.Environ(), "AMQP_URL="+b.URL())
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("the publisher ended with %v: %s", err, out)
	}
	await(t, logged, "welcome, ada@example.com")
}
