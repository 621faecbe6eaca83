package engine_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/warren-mq/warren/internal/racecrash"
)

func TestMain(m *testing.M) {
	os.Exit(racecrash.Main(func() int {
		goleak.VerifyTestMain(m) // ends the process
		return 0
	}))
}
