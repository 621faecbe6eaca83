package engine_test

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/warren-mq/warren/internal/racecrash"
)

func TestMain(m *testing.M) {
	if run := children[os.Getenv("CHILD")]; run != nil {
		if err := run(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(racecrash.Main(func() int {
		goleak.VerifyTestMain(m) // ends the process
		return 0
	}))
}
