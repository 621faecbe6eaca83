package delay_test

import (
	"os"
	"testing"

	"github.com/warren-mq/warren/internal/racecrash"
)

func TestMain(m *testing.M) {
	os.Exit(racecrash.Main(m.Run))
}
