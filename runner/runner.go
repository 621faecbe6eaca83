package runner

import (
	"context"
	"fmt"
	"os"

	"github.com/warren-mq/warren/handler"
	"github.com/warren-mq/warren/runner/internal/command"
)

// Handler is a handler in Go that a configuration may name.
type Handler struct {
	name    string
	handler handler.Handler
}

// Go names a handler: "go: NAME" in the configuration has h handle the messages. It
// panics if the name is empty or h is nil.
func Go(name string, h handler.Handler) Handler {
	if name == "" || h == nil {
		panic("runner: Go wants a name and a handler")
	}
	return Handler{name, h}
}

// Main is the whole program: it carries out the command of os.Args and exits with its
// status, 0 if all went well. It panics if two handlers have the same name.
func Main(handlers ...Handler) {
	os.Exit(Run(context.Background(), os.Args[1:], handlers...)) //nolint:revive // it is main
}

// Run is Main for programs that have more to do: it carries out a command and returns its
// exit status. SIGINT and SIGTERM end it as well as ctx does.
func Run(ctx context.Context, args []string, handlers ...Handler) int {
	byName := make(map[string]handler.Handler, len(handlers))
	for _, h := range handlers {
		if byName[h.name] != nil {
			panic(fmt.Sprintf("runner: there are two handlers %q", h.name))
		}
		byName[h.name] = h.handler
	}
	p := command.Program{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Handlers: byName}
	return command.Execute(ctx, p, args)
}
