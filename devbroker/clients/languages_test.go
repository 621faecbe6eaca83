//go:build clients

package clients_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

const (
	debianPython  = "/usr/bin/python3" // the one that has Debian's packages
	scriptTimeout = 2 * time.Minute
	grace         = 10 * time.Second // for a program that was told to end
)

var update = flag.Bool("update", false, "take what the programs print for what they should")

func TestPika(t *testing.T) {
	onEachBroker(t, func(t *testing.T, url string) {
		compare(t, "testdata/python/with_pika.want", run(t, url, debianPython, "testdata/python/with_pika.py"))
	})
}

func TestKombu(t *testing.T) {
	onEachBroker(t, func(t *testing.T, url string) {
		compare(t, "testdata/python/with_kombu.want", run(t, url, debianPython, "testdata/python/with_kombu.py"))
	})
}

func TestCelery(t *testing.T) {
	onEachBroker(t, func(t *testing.T, url string) {
		startWorker(t, url)
		compare(t, "testdata/python/with_celery.want", run(t, url, debianPython, "testdata/python/with_celery.py"))
	})
}

func TestAmqplib(t *testing.T) {
	onEachBroker(t, func(t *testing.T, url string) {
		compare(t, "testdata/node/with_amqplib.want", run(t, url, "node", "testdata/node/with_amqplib.js"))
	})
}

// run runs a program that is told the broker's URL, and returns what it printed.
func run(t *testing.T, url, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), scriptTimeout)
	defer cancel()
	cmd := command(ctx, url, name, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Errorf("%s: %v\n%s", cmd, errors.Join(err, context.Cause(ctx)), &stderr)
	}
	return stdout.String()
}

// startWorker starts a Celery worker, which ends with the test, as do its children.
func startWorker(t *testing.T, url string, environment ...string) {
	t.Helper()
	cmd := command(t.Context(), url, debianPython, "-m", "celery", "--workdir", "testdata/python",
		"--app", "tasks", "worker", "--concurrency", "1", "--loglevel", "INFO")
	cmd.Env = append(cmd.Env, environment...)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Wait() // the context has told it to end, which counts as an error
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		if t.Failed() {
			t.Logf("the worker:\n%s", &log)
		}
	})
}

// command returns a command that knows the broker's URL. It is told to end with its
// context, and killed if it does not.
func command(ctx context.Context, url, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "AMQP_URL="+url, "NODE_PATH=../../.bin/clients/node_modules",
		"PYTHONDONTWRITEBYTECODE=1", "PYTHONUNBUFFERED=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = grace
	return cmd
}

// compare compares what was printed with a file.
func compare(t *testing.T, file, printed string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(printed), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if printed != string(want) {
		t.Errorf("printed\n%s\nwant what is in %s", printed, file)
	}
}
