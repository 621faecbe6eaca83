package outbox_test

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// childVariable makes the test binary a service of its own, to be killed.
const childVariable = "WARREN_TEST_OUTBOX"

func TestMain(m *testing.M) {
	if role := os.Getenv(childVariable); role != "" {
		child(role)
		return
	}
	code := m.Run()
	if err := postgres.remove(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	// A connection cut while toxiproxy hands bytes over leaves these goroutines of its own.
	err := goleak.Find(
		goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2.(*ToxicLink).read"),
		goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2/toxics.(*ToxicStub).Run"))
	if err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}
