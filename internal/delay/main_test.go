package delay_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
)

const (
	inner = "WARREN_TEST_DELAY" // set in the process that runs the tests
	most  = 4                   // runs
)

// TestMain runs the tests in a process of its own, and runs them again if the race detector
// itself crashed, as it does with package synctest in Go 1.26 (golang.org/issue/78156): in about one
// of ten runs of this package, in any of its tests. Failed tests are not repeated.
func TestMain(m *testing.M) {
	if os.Getenv(inner) != "" {
		os.Exit(m.Run())
	}
	for run := 1; ; run++ {
		var stderr bytes.Buffer
		cmd := exec.CommandContext(context.Background(), os.Args[0], os.Args[1:]...)
		cmd.Env = append(os.Environ(), inner+"=1")
		cmd.Stdout, cmd.Stderr = os.Stdout, io.MultiWriter(os.Stderr, &stderr)
		err := cmd.Run()
		if err == nil {
			os.Exit(0)
		}
		if !crashed(stderr.Bytes()) || run == most {
			os.Exit(1)
		}
		fmt.Fprintf(os.Stderr, "the race detector crashed in run %d of at most %d: running again\n", run, most)
	}
}

// crashed reports whether the race detector or the runtime under it ended the process.
func crashed(output []byte) bool {
	return bytes.Contains(output, []byte("ThreadSanitizer: CHECK failed")) ||
		bytes.Contains(output, []byte("unexpected return pc for runtime.sigpanic"))
}
