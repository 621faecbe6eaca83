package command

import (
	"context"
	"log/slog"

	"go.opentelemetry.io/otel/trace"

	"github.com/warren-mq/warren/internal/printable"
	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/runner/internal/wiring"
)

// logger returns the logger for c, and its level, which can be changed.
func (p *Program) logger(c config.Log) (*slog.Logger, *slog.LevelVar) {
	level := new(slog.LevelVar)
	level.Set(wiring.Level(c))
	if p.settings.verbose {
		level.Set(slog.LevelDebug)
	}
	o := &slog.HandlerOptions{Level: level, ReplaceAttr: readable}
	if c.Format == "json" {
		return slog.New(traced{slog.NewJSONHandler(printable.JSONWriter(p.Stderr), o)}), level
	}
	return slog.New(traced{slog.NewTextHandler(p.Stderr, o)}), level // the text handler quotes unprintable characters
}

// readable formats durations with their unit, also in JSON.
func readable(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.StringValue(a.Value.Duration().String())
	}
	return a
}

// traced adds trace_id and span_id to the log lines about a message.
type traced struct{ slog.Handler }

func (t traced) Handle(ctx context.Context, r slog.Record) error {
	if s := trace.SpanContextFromContext(ctx); s.IsValid() {
		r = r.Clone()
		r.AddAttrs(slog.String("trace_id", s.TraceID().String()), slog.String("span_id", s.SpanID().String()))
	}
	return t.Handler.Handle(ctx, r)
}

func (t traced) WithAttrs(attrs []slog.Attr) slog.Handler { return traced{t.Handler.WithAttrs(attrs)} }

func (t traced) WithGroup(name string) slog.Handler { return traced{t.Handler.WithGroup(name)} }
