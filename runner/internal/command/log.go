package command

import (
	"log/slog"

	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/runner/internal/printable"
	"github.com/warren-mq/warren/runner/internal/wiring"
)

// logger is the log of c, and its level, which may change.
func (p *Program) logger(c config.Log) (*slog.Logger, *slog.LevelVar) {
	level := new(slog.LevelVar)
	level.Set(wiring.Level(c))
	if p.settings.verbose {
		level.Set(slog.LevelDebug)
	}
	o := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(printable.JSONWriter(p.Stderr), o)), level
	}
	return slog.New(slog.NewTextHandler(p.Stderr, o)), level // it quotes what cannot be printed
}
