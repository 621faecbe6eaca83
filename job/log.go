package job

import (
	"cmp"
	"context"
	"log/slog"
	"strings"

	"github.com/warren-mq/warren/message"
)

// Log writes a line "job: message" for each message, with its metadata, headers and
// the beginning of its body, and is done with it.
type Log struct {
	// Level of the line; info if zero.
	Level slog.Level
	// MaxBodyBytes of the body are shown, on one line and without control characters;
	// 1 KiB if zero, none if negative.
	MaxBodyBytes int
	// Logger takes the line; slog.Default() if nil.
	Logger *slog.Logger
}

// Validate is always nil: nothing can be wrong with l.
func (Log) Validate() error { return nil }

// Handler returns the handler of l, and never an error.
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
		if a.Key == "attempt" { // a number, as in every other line
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
