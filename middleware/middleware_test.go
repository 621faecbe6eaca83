package middleware_test

import (
	"context"
	"errors"
	"testing"

	"go.uber.org/goleak"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errBoom = errors.New("boom")

// returns is a handler that returns each of errs in turn, and the last for ever.
// It counts its runs.
func returns(runs *int, errs ...error) handler.Handler {
	return handler.Func(func(context.Context, *message.Message) error {
		*runs++
		return errs[min(*runs, len(errs))-1]
	})
}

func panics(context.Context, *message.Message) error { panic("boom") }

// mustPanic runs f and reports whether the handler's own panic came through.
func mustPanic(t *testing.T, f func()) {
	t.Helper()
	defer func() {
		if got := recover(); got != "boom" {
			t.Errorf("recovered %v, want the handler's own panic", got)
		}
	}()
	f()
}
