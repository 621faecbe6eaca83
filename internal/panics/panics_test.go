package panics_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/warren-mq/warren/internal/panics"
)

func TestCatch(t *testing.T) {
	t.Parallel()
	called := false
	if caught := panics.Catch(func() { called = true }); caught != nil || !called {
		t.Errorf("got %v, called is %v, want the function called", caught, called)
	}
	caught := panics.Catch(func() { panic(errors.New("out of luck")) })
	if caught == nil || caught.Error() != "panic: out of luck" || !strings.Contains(caught.Stack, "TestCatch") {
		t.Errorf("got %+v, want the panic with its stack", caught)
	}
}
