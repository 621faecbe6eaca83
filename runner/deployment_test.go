package runner_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDeploymentCommandsAreTested finds each command of docs/deployment.md in the scripts that
// run it.
func TestDeploymentCommandsAreTested(t *testing.T) {
	t.Parallel()
	scripts := read(t, "testdata/script/healthcheck.txtar") + read(t, "testdata/script/k8s.txtar")
	scripts = strings.ReplaceAll(scripts, "$WARREN_ADMIN_LISTEN", "127.0.0.1:8081")
	found := 0
	for line := range strings.Lines(read(t, "../docs/deployment.md")) {
		command, _, _ := strings.Cut(line, "  #")
		command, _, _ = strings.Cut(strings.TrimSpace(command), " > ")
		if !strings.HasPrefix(command, "runner ") {
			continue
		}
		found++
		if !strings.Contains(scripts, "exec "+command+"\n") {
			t.Errorf("no script runs %q", command)
		}
	}
	if found < 4 {
		t.Errorf("found %d commands, want healthcheck and k8s", found)
	}
}

// TestDeploymentFilesExist finds each file of the table in docs/deployment.md.
func TestDeploymentFilesExist(t *testing.T) {
	t.Parallel()
	found := 0
	for line := range strings.Lines(read(t, "../docs/deployment.md")) {
		name, isRow := strings.CutPrefix(line, "| `")
		name, _, ok := strings.Cut(name, "` | ")
		if !isRow || !ok {
			continue
		}
		found++
		if _, err := os.Stat(filepath.Join("../deploy", name)); err != nil {
			t.Error(err)
		}
	}
	if found < 5 {
		t.Errorf("found %d files in the table", found)
	}
}
