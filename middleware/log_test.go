package middleware_test

import (
	"bytes"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
	"github.com/warren-mq/warren/middleware"
	"github.com/warren-mq/warren/retry"
)

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

func TestLogWritesOneLineForEachMessage(t *testing.T) {
	t.Parallel()
	const about = "id=7 queue=welcome key=user.signed_up attempt=2 took=0s"
	for _, tt := range []struct {
		name  string
		level slog.Level
		err   error
		want  string
	}{
		{"success at debug", slog.LevelDebug, nil, "level=DEBUG msg=handled " + about + "\n"},
		{"failure at warn", slog.LevelDebug, errBoom, "level=WARN msg=failed " + about + " error=boom\n"},
		{"a snooze at debug", slog.LevelDebug, retry.Snooze(time.Hour), "level=DEBUG msg=handled " + about + ` error="retry: snoozed for 1h0m0s"` + "\n"},
		{"a release at debug", slog.LevelDebug, handler.ErrStopping, "level=DEBUG msg=handled " + about + ` error="handler: the worker is stopping"` + "\n"},
		{"nothing below the level", slog.LevelInfo, nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				runs := 0
				h := middleware.Log(textLog(&out, tt.level))(returns(&runs, tt.err))
				m := &message.Message{ID: "7", Queue: "welcome", RoutingKey: "user.signed_up", Attempt: 2}
				if err := h.Handle(t.Context(), m); err != tt.err { //nolint:errorlint // the very error
					t.Errorf("returned %v, want %v untouched", err, tt.err)
				}
				if got := out.String(); got != tt.want {
					t.Errorf("got  %swant %s", got, tt.want)
				}
			})
		})
	}
}

func TestLogLetsAPanicThrough(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	h := middleware.Log(textLog(&out, slog.LevelDebug))(handler.Func(panics))
	mustPanic(t, func() { _ = h.Handle(t.Context(), &message.Message{}) })
	if !bytes.Contains(out.Bytes(), []byte(`level=WARN msg=failed`)) || !bytes.Contains(out.Bytes(), []byte("the handler panicked")) {
		t.Errorf("logged %q, want the panic", &out)
	}
}
