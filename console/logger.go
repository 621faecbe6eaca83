package console

import (
	"log/slog"
	"net/http"
)

// logger logs who did what.
type logger struct{ *slog.Logger }

// did logs an action and its result.
func (l logger) did(r *http.Request, action string, err error, args ...any) {
	args = append([]any{"user", visitorOf(r).User, "address", r.RemoteAddr, "action", action}, args...)
	if err != nil {
		l.Warn("console: action failed", append(args, "error", err)...)
		return
	}
	l.Info("console: action", args...)
}
