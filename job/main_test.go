package job_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain makes the test binary one of the programs that the tests run, or runs the
// tests and fails if a goroutine is left.
func TestMain(m *testing.M) {
	if name := os.Getenv("PROGRAM"); name != "" {
		os.Exit(programs[name]())
	}
	goleak.VerifyTestMain(m)
}
