//go:build image

package deploy_test

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/warren-mq/warren/internal/rabbit"
)

// TestTheImageNeedsOnlyTheProgram builds the program as the Dockerfile does, and runs it as
// the image would: as the user of the image, in a root folder that contains only the program and
// its configuration, and that the user cannot write to.
func TestTheImageNeedsOnlyTheProgram(t *testing.T) {
	rabbit.NeedsNetwork(t, "the program is a process of its own")
	t.Parallel()
	root := t.TempDir()
	program := filepath.Join(root, "runner")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program, "../cmd/runner")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	output(t, build)
	isStatic(t, program)

	address, queue := freeAddress(t), rabbit.Queue(t)
	write(t, root, "config.yaml", filled(`
broker: {url: "URL"}
admin: {listen: "ADDRESS"}
queues: [{name: QUEUE, handlers: [{key: QUEUE, log: {}}]}]
`, "URL", rabbit.URL(t), "ADDRESS", address, "QUEUE", queue))
	p := start(t, confined(t, root, "run", "-c", "/config.yaml"))
	awaitReady(t, address)
	for _, args := range [][]string{
		{"healthcheck", "-c", "/config.yaml"},
		{"healthcheck", "--ready", "--url", "http://" + address},
		{"publish", "-c", "/config.yaml", "", queue, "--data", "x"},
		{"config", "validate", "-c", "/config.yaml"},
	} {
		output(t, confined(t, root, args...))
	}
	p.signal(t, syscall.SIGTERM)
	if p.end(t, patience); p.err != nil {
		t.Errorf("the runner ended with %v, want status 0", p.err)
	}
}

// isStatic checks that a program needs neither an interpreter nor libraries.
func isStatic(t *testing.T, program string) {
	t.Helper()
	f, err := elf.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }() // it was only read
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("the program has a segment %v, want a static program", p.Type)
		}
	}
}

// confined returns a command of the program in root, which is the root folder of its process if
// the test may change that.
func confined(t *testing.T, root string, args ...string) *exec.Cmd {
	t.Helper()
	if err := os.Chmod(root, 0o555); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(root, 0o755) }) // so that it can be removed
	if os.Getuid() != 0 {
		t.Log("NOT CHECKED: without root, the program runs as this user and sees all files")
		for i := range args {
			args[i] = strings.Replace(args[i], "/config.yaml", filepath.Join(root, "config.yaml"), 1)
		}
		c := exec.CommandContext(t.Context(), filepath.Join(root, "runner"), args...)
		c.Dir, c.Env = root, []string{}
		return c
	}
	c := exec.CommandContext(t.Context(), "/runner", args...)
	c.Dir, c.Env = "/", []string{}
	c.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: 65532, Gid: 65532}}
	return c
}
