package worker_test

import (
	"errors"
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

// abused are nodes that tests may kill, restart and reconfigure. Each has one test at a time.
var abused abusedNodes

type abusedNodes struct {
	mu   sync.Mutex
	free []rabbit.Node
	ends []func() error
}

// test runs f as the test t, in parallel with other tests, with a node to itself.
func (a *abusedNodes) test(t *testing.T, f func(t *testing.T, node rabbit.Node)) {
	t.Helper()
	rabbit.Test(t, func(t *testing.T) { f(t, a.take(t)) })
}

// run is test for a part of t.
func (a *abusedNodes) run(t *testing.T, name string, f func(t *testing.T, node rabbit.Node)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { a.test(t, f) })
}

// take starts a node if none is free, so there are at most as many as tests that run at a time.
func (a *abusedNodes) take(t *testing.T) rabbit.Node {
	t.Helper()
	if own, ok := rabbit.Own(t); ok {
		return own
	}
	node := a.pick()
	if node == nil {
		node = a.start(t)
	}
	t.Cleanup(func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.free = append(a.free, node)
	})
	return node
}

func (a *abusedNodes) pick() (node rabbit.Node) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if last := len(a.free) - 1; last >= 0 {
		node, a.free = a.free[last], a.free[:last]
	}
	return node
}

func (a *abusedNodes) start(t *testing.T) rabbit.Node {
	t.Helper()
	node, end, err := rabbit.StartMain()
	if err != nil {
		t.Fatal(err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ends = append(a.ends, end)
	return node
}

func (a *abusedNodes) remove() (err error) {
	for _, end := range a.ends {
		err = errors.Join(err, end())
	}
	return err
}
