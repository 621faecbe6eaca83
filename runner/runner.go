package runner

import (
	"context"
	"fmt"
	"os"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/runner/internal/command"
	"github.com/warren-mq/warren/runner/internal/wiring"
)

// Handler is a handler in Go with the name that configurations use.
type Handler struct {
	name    string
	handler handler.Handler
	batch   handler.BatchHandler // instead of handler
}

// Go returns a handler with a name. "go: NAME" in the configuration calls h for the
// messages. Go panics if the name is empty or h is nil.
func Go(name string, h handler.Handler) Handler {
	if name == "" || h == nil {
		panic("runner: Go: the name is empty or the handler is nil, want both")
	}
	return Handler{name: name, handler: h}
}

// GoBatch returns a handler of batches with a name, for handlers that have "batch" in the
// configuration besides "go: NAME". GoBatch panics if the name is empty or h is nil.
func GoBatch(name string, h handler.BatchHandler) Handler {
	if name == "" || h == nil {
		panic("runner: GoBatch: the name is empty or the handler is nil, want both")
	}
	return Handler{name: name, batch: h}
}

// Main runs the command in os.Args and exits with its exit status, which is 0 for success.
// It panics if two handlers have the same name.
func Main(handlers ...Handler) {
	os.Exit(Run(context.Background(), os.Args[1:], handlers...)) //nolint:revive // Main is the main function of a program
}

// Run runs a command and returns its exit status, for programs that do more than Main. It
// stops when ctx is done, and also at SIGINT and SIGTERM.
func Run(ctx context.Context, args []string, handlers ...Handler) int {
	p := command.Program{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Go: byName(handlers)}
	return command.Execute(ctx, p, args)
}

func byName(handlers []Handler) wiring.Go {
	all := wiring.Go{Handlers: make(map[string]handler.Handler), Batches: make(map[string]handler.BatchHandler)}
	for _, h := range handlers {
		if all.Handlers[h.name] != nil || all.Batches[h.name] != nil {
			panic(fmt.Sprintf("runner: two handlers have the name %q, want different names", h.name))
		}
		if h.batch != nil {
			all.Batches[h.name] = h.batch
		} else {
			all.Handlers[h.name] = h.handler
		}
	}
	return all
}
