package worker_test

import (
	"fmt"
	"os"
	"sync"
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
	if err := abused.remove(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	// A connection cut while toxiproxy hands bytes over leaves these goroutines of its own.
	reads := goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2.(*ToxicLink).read")
	passes := goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2/toxics.(*ToxicStub).Run")
	if err := goleak.Find(reads, passes); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// abused is the node that tests may kill, restart and reconfigure, one at a time.
var abused abusedNode

type abusedNode struct {
	mu   sync.Mutex
	node rabbit.Node
	end  func() error
}

// test runs f as the test t, with the node to itself. Such tests are not parallel:
// those that wait for the node would take the places of others.
func (a *abusedNode) test(t *testing.T, f func(t *testing.T, node rabbit.Node)) {
	t.Helper()
	rabbit.Bubble(t, func(t *testing.T) { f(t, a.take(t)) })
}

// run is test for a part of t.
func (a *abusedNode) run(t *testing.T, name string, f func(t *testing.T, node rabbit.Node)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { a.test(t, f) })
}

func (a *abusedNode) take(t *testing.T) rabbit.Node {
	t.Helper()
	if own, ok := rabbit.Own(t); ok {
		return own
	}
	a.mu.Lock()
	t.Cleanup(a.mu.Unlock)
	if a.node == nil {
		node, end, err := rabbit.StartMain()
		if err != nil {
			t.Fatal(err)
		}
		a.node, a.end = node, end
	}
	return a.node
}

func (a *abusedNode) remove() error {
	if a.end == nil {
		return nil
	}
	return a.end()
}
