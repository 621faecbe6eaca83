package schedule_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// childVariable makes the test binary a scheduler of its own, to be killed.
const childVariable = "WARREN_TEST_SCHEDULER"

func TestMain(m *testing.M) {
	if url := os.Getenv(childVariable); url != "" {
		child(url)
		return
	}
	// A connection cut while toxiproxy hands bytes over leaves these goroutines of its own.
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2.(*ToxicLink).read"),
		goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2/toxics.(*ToxicStub).Run"))
}
