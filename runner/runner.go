package runner

import (
	"context"
	"fmt"
	"os"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/runner/internal/command"
)

// Handler is a handler in Go with the name that configurations use.
type Handler struct {
	name    string
	handler handler.Handler
}

// Go returns a handler with a name. "go: NAME" in the configuration calls h for the
// messages. Go panics if the name is empty or h is nil.
func Go(name string, h handler.Handler) Handler {
	if name == "" || h == nil {
		panic("runner: Go: the name is empty or the handler is nil, want both")
	}
	return Handler{name, h}
}

// Main runs the command in os.Args and exits with its exit status, which is 0 for success.
// It panics if two handlers have the same name.
func Main(handlers ...Handler) {
	os.Exit(Run(context.Background(), os.Args[1:], handlers...)) //nolint:revive // Main is the main function of a program
}

// Run runs a command and returns its exit status, for programs that do more than Main. It
// stops when ctx is done, and also at SIGINT and SIGTERM.
func Run(ctx context.Context, args []string, handlers ...Handler) int {
	byName := make(map[string]handler.Handler, len(handlers))
	for _, h := range handlers {
		if byName[h.name] != nil {
			panic(fmt.Sprintf("runner: two handlers have the name %q, want different names", h.name))
		}
		byName[h.name] = h.handler
	}
	p := command.Program{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Handlers: byName}
	return command.Execute(ctx, p, args)
}
