package runner_test

import (
	"os"
	"strings"
	"testing"
)

// TestReadmeCommandsAreTested finds each command of the README in the script that runs it.
func TestReadmeCommandsAreTested(t *testing.T) {
	t.Parallel()
	script := read(t, "testdata/script/readme.txtar")
	found := 0
	for line := range strings.Lines(read(t, "../README.md")) {
		command, _, _ := strings.Cut(strings.TrimSpace(line), "  #") // a comment behind it
		command = strings.TrimSpace(command)
		if !strings.HasPrefix(command, "runner ") {
			continue
		}
		found++
		if !strings.Contains(script, "exec "+command+"\n") {
			t.Errorf("testdata/script/readme.txtar does not run %q", command)
		}
	}
	if found < 5 {
		t.Errorf("found %d commands in the README, want the commands of the runner", found)
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
