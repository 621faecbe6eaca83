package browser_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/warren-mq/warren/examples/signup/internal/browser"
)

// chromium is the Chromium of all tests. The first test that needs it starts it.
var (
	chromium = sync.OnceValues(func() (*browser.Browser, error) {
		b, err := browser.Start()
		started.Store(b)
		return b, err
	})
	started atomic.Pointer[browser.Browser]
)

// open returns a browser with cookies of its own. If Chromium is not installed, the test fails; it is
// not skipped.
func open(t *testing.T) *browser.Browser {
	t.Helper()
	b, err := chromium()
	if err != nil {
		t.Fatal(err)
	}
	return b.Private(t)
}

// tests stops Chromium when all tests have ended.
type tests struct{ *testing.M }

func (t tests) Run() int {
	defer func() {
		if b := started.Load(); b != nil {
			b.Close()
		}
	}()
	return t.M.Run()
}

// TestMain fails if a goroutine is left when all tests have ended.
func TestMain(m *testing.M) { goleak.VerifyTestMain(tests{m}) }
