package limit_test

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// childVariable makes the test binary a worker process of its own, to be killed.
const childVariable = "WARREN_LIMIT_CHILD"

// TestMain fails if a goroutine is left when all tests have ended.
func TestMain(m *testing.M) {
	if queue := os.Getenv(childVariable); queue != "" {
		if err := child(queue); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}
