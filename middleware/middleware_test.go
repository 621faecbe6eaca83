package middleware_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"

	"go.uber.org/goleak"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errBoom = errors.New("boom")

// returns is a handler that returns each of errs in turn, and then always the last.
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

func textLog(w *bytes.Buffer, level slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{
		Level: level,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))
}
