package rabbit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// commandTimeout bounds one call of scripts/rabbitmq. A node starts in 3–10 s.
const commandTimeout = 3 * time.Minute

// Node is a RabbitMQ node of a test's own, to be stopped, killed and reconfigured
// at will. Its methods must not be called at the same time.
type Node struct {
	script string
	dir    string
	url    string
}

// Start starts a node for the test and removes it when the test ends.
func Start(tb testing.TB) *Node {
	tb.Helper()
	n, remove, err := StartMain()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := remove(); err != nil {
			tb.Error(err)
		}
	})
	return n
}

// StartMain is Start for a TestMain: one node for all tests of a package, which the
// caller removes in the end. Nodes of a test binary that died are removed by
// scripts/rabbitmq run.
func StartMain() (n *Node, remove func() error, err error) {
	return start(func(string) error { return nil })
}

// start has prepare see the node's folder before its first start.
func start(prepare func(dir string) error) (n *Node, remove func() error, err error) {
	script, err := findScript()
	if err != nil {
		return nil, nil, err
	}
	dir, err := os.MkdirTemp(os.Getenv("WARREN_NODES"), "warren-node-")
	if err != nil {
		return nil, nil, fmt.Errorf("rabbit: folder for a node: %w", err)
	}
	if err := prepare(dir); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("rabbit: prepare a node: %w", err), os.RemoveAll(dir)) //nolint:gosec // the folder is the one made above
	}
	n = &Node{script: script, dir: dir}
	remove = func() error {
		_, err := n.command("remove")
		return err
	}
	if n.url, err = n.command("start"); err != nil {
		return nil, nil, errors.Join(err, remove())
	}
	return n, remove, nil
}

// URL returns the node's AMQP URL, which stays the same across restarts.
func (n *Node) URL() string { return n.url }

// Kill ends the node by SIGKILL and returns when it is gone. Its data stay.
func (n *Node) Kill(tb testing.TB) {
	tb.Helper()
	n.must(tb, "kill")
}

// Restart starts the node again on the same port and data and returns when it
// takes connections. A node still running is stopped in good order first.
func (n *Node) Restart(tb testing.TB) {
	tb.Helper()
	n.must(tb, "restart")
}

// Ctl runs rabbitmqctl on the node, as in Ctl(tb, "close_all_connections", "test"),
// and returns what it printed. The test fails if the command does.
func (n *Node) Ctl(tb testing.TB, args ...string) string {
	tb.Helper()
	return n.must(tb, "ctl", args...)
}

// Settle makes the node write to disk what it keeps back. Until a few seconds after
// its declaration a queue may be forgotten by a killed node, confirmed messages
// included: RabbitMQ 3.10 forgot 5 new quorum queues of 5, and 0 of 5 after Settle.
func (n *Node) Settle(tb testing.TB) {
	tb.Helper()
	n.must(tb, "ctl", "eval", "[ok = dets:sync(T) || T <- dets:all()], catch mnesia:sync_log().")
}

func (n *Node) must(tb testing.TB, name string, args ...string) string {
	tb.Helper()
	out, err := n.command(name, args...)
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

// command has a context of its own, since a test's is done before its cleanup.
func (n *Node) command(name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), commandTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, n.script, append([]string{name, n.dir}, args...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.WaitDelay = time.Second
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("rabbit: scripts/rabbitmq %s %s: %w\n%s", name, strings.Join(args, " "), err, &stderr)
	}
	return strings.TrimSpace(stdout.String()), nil
}

// findScript walks up from the package under test to the module that has the script.
func findScript() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("rabbit: find scripts/rabbitmq: %w", err)
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		script := filepath.Join(dir, "scripts", "rabbitmq")
		if isFile(filepath.Join(dir, "go.mod")) && isFile(script) {
			return script, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("rabbit: no scripts/rabbitmq beside a go.mod in %s or above", start)
		}
	}
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
