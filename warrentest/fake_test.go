package warrentest_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

// fakeT is a testing.TB that records failures. It tests how this package fails a test, and
// replaces *testing.T in examples.
type fakeT struct {
	testing.TB // nil: only the methods below are used

	mu       sync.Mutex
	failures []string
	cleanups []func()
}

func (f *fakeT) Helper() {}

func (f *fakeT) Context() context.Context { return context.Background() }

func (f *fakeT) Cleanup(end func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cleanups = append(f.cleanups, end)
}

func (f *fakeT) Errorf(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failures = append(f.failures, fmt.Sprintf(format, args...))
}

func (f *fakeT) Fatalf(format string, args ...any) {
	f.Errorf(format, args...)
	f.FailNow()
}

func (f *fakeT) FailNow() { runtime.Goexit() }

// clean runs the cleanup functions of the test.
func (f *fakeT) clean() {
	for _, end := range slices.Backward(f.cleanups) {
		end()
	}
}

// newT returns the replacement for a *testing.T in an example. end ends the test.
func newT() (t *fakeT, end func()) {
	t = new(fakeT)
	return t, func() {
		t.clean()
		for _, failure := range t.failures {
			fmt.Println(failure)
		}
	}
}

// failures runs a test to its end and returns its failures.
func failures(test func(tb testing.TB)) []string {
	f, done := new(fakeT), make(chan struct{})
	go func() {
		defer close(done)
		test(f)
	}()
	<-done
	f.clean()
	return f.failures
}

// wantFailure fails t unless test fails exactly once, with a text that contains all words.
func wantFailure(t *testing.T, test func(tb testing.TB), words ...string) {
	t.Helper()
	got := failures(test)
	if len(got) != 1 {
		t.Fatalf("the test failed with %q, want one failure", got)
	}
	for _, w := range words {
		if !strings.Contains(got[0], w) {
			t.Errorf("the test failed with:\n%s\nwant it to contain %q", got[0], w)
		}
	}
}
