package worker_test

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/warren-mq/warren/internal/rabbit"
)

// childVariable makes the test binary a worker process of its own, to be killed.
const childVariable = "WARREN_TEST_CHILD"

func TestMain(m *testing.M) {
	if kind := os.Getenv(childVariable); kind != "" {
		child(kind)
		return
	}
	code := m.Run()
	// A connection cut while toxiproxy hands bytes over leaves these goroutines of its own.
	reads := goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2.(*ToxicLink).read")
	passes := goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2/toxics.(*ToxicStub).Run")
	if err := goleak.Find(reads, passes); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// withNode runs f as the test t, in parallel with other tests, with a node that it may kill, restart
// and reconfigure.
func withNode(t *testing.T, f func(t *testing.T, node rabbit.Node)) {
	t.Helper()
	rabbit.Test(t, func(t *testing.T) {
		node, ok := rabbit.Own(t)
		if !ok {
			node = rabbit.Start(t)
		}
		f(t, node)
	})
}

// runWithNode is withNode for a part of t.
func runWithNode(t *testing.T, name string, f func(t *testing.T, node rabbit.Node)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { withNode(t, f) })
}
