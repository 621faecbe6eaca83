// Package racecrash runs the tests of a package again if the race detector itself crashed.
package racecrash

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
)

const (
	inner = "WARREN_TEST_INNER" // set in the process that runs the tests
	most  = 4                   // runs
)

// Main calls run, which runs the tests, in a process of its own, and returns the exit status. It
// starts the process again if the race detector crashed, as it does with package synctest in Go 1.26
// (golang.org/issue/78156): in about one of ten runs of package internal/delay, in any of its
// tests. Failed tests are not repeated.
func Main(run func() int) int {
	if os.Getenv(inner) != "" {
		return run()
	}
	for n := 1; ; n++ {
		var stderr bytes.Buffer
		cmd := exec.CommandContext(context.Background(), os.Args[0], os.Args[1:]...) //nolint:gosec // the same process again
		cmd.Env = append(os.Environ(), inner+"=1")
		cmd.Stdout, cmd.Stderr = os.Stdout, io.MultiWriter(os.Stderr, &stderr)
		err := cmd.Run()
		if err == nil {
			return 0
		}
		if !crashed(stderr.Bytes()) || n == most {
			return 1
		}
		fmt.Fprintf(os.Stderr, "the race detector crashed in run %d of at most %d: running again\n", n, most)
	}
}

// crashed reports whether the race detector or the runtime under it ended the process. A panic
// of Go code prints neither text: its line about SIGSEGV begins with a bracket.
func crashed(output []byte) bool {
	return bytes.Contains(output, []byte("ThreadSanitizer: CHECK failed")) ||
		bytes.Contains(output, []byte("unexpected return pc for runtime.sigpanic")) ||
		bytes.HasPrefix(output, []byte("SIGSEGV: segmentation violation\nPC=")) ||
		bytes.Contains(output, []byte("\nSIGSEGV: segmentation violation\nPC="))
}
