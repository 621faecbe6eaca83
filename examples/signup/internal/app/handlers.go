package app

import "github.com/warren-mq/warren/handler"

// Handlers returns the handlers of the workers by name, for a program that runs them from
// a configuration.
func (a *App) Handlers() map[string]handler.Handler {
	once := a.once()
	return map[string]handler.Handler{
		"send-welcome":      handler.Chain(handler.Typed(a.welcome.Welcome), once...),
		"send-known":        handler.Chain(handler.Typed(a.welcome.Known), once...),
		"send-reset":        handler.Chain(handler.Typed(a.welcome.ResetPassword), once...),
		"send-verification": handler.Chain(handler.Typed(a.verification.Ask), once...),
		"count":             handler.Typed(a.counter.Count),
		"begin-trial":       handler.Typed(a.book.BeginTrial),
	}
}
