//go:build clients

package clients_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	parts       = 8 // of a program's tests, side by side: they wait most of the time
	partTimeout = 2 * time.Minute
)

// outcome is what became of a test: pass, fail or skip, and what it printed.
type outcome struct{ action, output string }

// runInParts runs tests of a test binary, on a broker of its own for each part of
// them, and returns what became of each; of the whole by the name "".
func runInParts(t *testing.T, plugin *management, binary string, tests []string) map[string]outcome {
	t.Helper()
	var (
		all     = map[string]outcome{}
		mu      sync.Mutex
		running sync.WaitGroup
	)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for part, names := range deal(tests) {
		broker := start(t, "")
		env := []string{
			"AMQP_URL=" + plugin.front(t, broker),
			"RABBITMQ_RABBITMQCTL_PATH=" + self,
			alarmVariable + "=" + plugin.alarm(broker, strconv.Itoa(part)),
		}
		running.Go(func() {
			events := runTests(t, env, binary, names)
			mu.Lock()
			defer mu.Unlock()
			collect(t, all, events)
		})
	}
	running.Wait()
	return all
}

// deal makes parts of tests: one of those that build on each other's queues, and many
// of those that wait for a lost connection to recover.
func deal(tests []string) [][]string {
	dealt := make([][]string, parts)
	next := 0
	for _, name := range tests {
		part := 0
		if strings.HasPrefix(name, "TestConnectionRecovery") {
			part = 1 + next%(parts-1)
			next++
		}
		dealt[part] = append(dealt[part], name)
	}
	return dealt
}

// runTests runs tests of a binary and returns what test2json makes of it.
func runTests(t *testing.T, env []string, binary string, names []string) string {
	ctx, cancel := context.WithTimeout(t.Context(), partTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "tool", "test2json", "-t", binary,
		"-test.v=test2json", "-test.run", "^("+strings.Join(names, "|")+")$")
	cmd.Env = append(os.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // the tests too
	cmd.WaitDelay = grace
	out, err := cmd.Output()
	if failed := (*exec.ExitError)(nil); err != nil && !errors.As(err, &failed) {
		t.Errorf("%s: %v", binary, err)
	}
	return string(out)
}

// collect adds to all what the events of test2json say. A subtest's words belong to
// its test.
func collect(t *testing.T, all map[string]outcome, events string) {
	t.Helper()
	lines := bufio.NewScanner(strings.NewReader(events))
	for lines.Scan() {
		var event struct {
			Action string `json:"Action"`
			Test   string `json:"Test"`
			Output string `json:"Output"`
		}
		if err := json.Unmarshal(lines.Bytes(), &event); err != nil {
			t.Errorf("test2json printed %q: %v", lines.Text(), err)
			return
		}
		name, _, sub := strings.Cut(event.Test, "/")
		was := all[name]
		switch event.Action {
		case "output":
			was.output += event.Output
		case "pass", "fail", "skip":
			if !sub && was.action != "fail" { // of several parts, the one that fails counts
				was.action = event.Action
			}
		}
		all[name] = was
	}
	if err := lines.Err(); err != nil {
		t.Error(err)
	}
}

// output returns what a command prints, which must succeed.
func output(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=")
	out, err := cmd.Output()
	if failed := (*exec.ExitError)(nil); errors.As(err, &failed) {
		t.Fatalf("%s: %v\n%s", cmd, err, failed.Stderr)
	}
	if err != nil {
		t.Fatalf("%s: %v", cmd, err)
	}
	return string(out)
}
