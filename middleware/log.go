package middleware

import (
	"context"
	"log/slog"
	"time"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/message"
)

// Log writes a line for each message handled: at level debug if it went well, was
// snoozed or was given back at shutdown, at level warn if it failed. The line has
// id, queue, key, attempt, took and error. Nil is slog's default logger. The
// handler notices nothing.
func Log(logger *slog.Logger) handler.Middleware {
	return func(next handler.Handler) handler.Handler {
		return handler.Func(func(ctx context.Context, m *message.Message) error {
			begin := time.Now()
			return watch(ctx, next, m, func(err error) {
				l := logger
				if l == nil {
					l = slog.Default()
				}
				logHandled(ctx, l, m, err, time.Since(begin))
			})
		})
	}
}

func logHandled(ctx context.Context, l *slog.Logger, m *message.Message, err error, took time.Duration) {
	level, text := slog.LevelDebug, "handled"
	if failed(err) {
		level, text = slog.LevelWarn, "failed"
	}
	if !l.Enabled(ctx, level) {
		return
	}
	attrs := make([]slog.Attr, 0, 6)
	attrs = append(attrs,
		slog.String("id", m.ID), slog.String("queue", m.Queue), slog.String("key", m.RoutingKey),
		slog.Int("attempt", m.Attempt), slog.Duration("took", took))
	if err != nil {
		attrs = append(attrs, slog.Any("error", err))
	}
	l.LogAttrs(ctx, level, text, attrs...)
}
