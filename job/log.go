package job

import (
	"cmp"
	"context"
	"log/slog"
	"strings"

	"github.com/warren-mq/warren/message"
)

// Log writes a log line "job: message" for each message, with its metadata, headers and
// the beginning of its body, and acknowledges the message.
type Log struct {
	// Level is the level of the line. Zero means info.
	Level slog.Level
	// MaxBodyBytes is how much of the body is logged, in bytes, on one line and without
	// control characters. Zero means 1 KiB. A negative value means none.
	MaxBodyBytes int
	// Logger writes the line. Nil means slog.Default().
	Logger *slog.Logger
}

// Validate returns nil: every value of l is valid.
func (Log) Validate() error { return nil }

// Handler returns the handler of l. The error is nil.
func (l Log) Handler() (Handler, error) {
	l.MaxBodyBytes = cmp.Or(l.MaxBodyBytes, 1<<10)
	if l.Logger == nil {
		l.Logger = slog.Default()
	}
	return stateless{l.log}, nil
}

func (l Log) log(ctx context.Context, m *message.Message) error {
	if !l.Logger.Enabled(ctx, l.Level) {
		return nil
	}
	var attrs, headers []slog.Attr
	for _, f := range metadata(m) {
		if f.value != "" {
			attrs = append(attrs, slog.String(strings.ReplaceAll(f.name, "-", "_"), clean([]byte(f.value))))
		}
	}
	for i, a := range attrs {
		if a.Key == "attempt" { // a number here, as in Warren's other log lines
			attrs[i] = slog.Int("attempt", m.Attempt)
		}
	}
	for _, f := range userHeaders(m, maxHeader, maxHeaders) {
		headers = append(headers, slog.String(f.name, clean([]byte(f.value))))
	}
	attrs = append(attrs, slog.GroupAttrs("headers", headers...), slog.Int("size", len(m.Body)))
	if l.MaxBodyBytes > 0 {
		attrs = append(attrs, slog.String("body", cleanHead(m.Body, l.MaxBodyBytes)))
	}
	l.Logger.LogAttrs(ctx, l.Level, "job: message", attrs...)
	return nil
}
