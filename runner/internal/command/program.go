package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/warren-mq/warren/internal/interrupt"
	"github.com/warren-mq/warren/internal/printable"
	"github.com/warren-mq/warren/runner/internal/wiring"
	"github.com/warren-mq/warren/worker"
)

// Program holds the input and output of a command, and the handlers in Go.
type Program struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Go             wiring.Go // the handlers in Go

	settings settings
}

// settings holds the flags of all commands.
type settings struct {
	file    string   // -c
	set     []string // PATH=VALUE
	broker  string   // a name in brokers
	format  string   // -o
	verbose bool
	quiet   bool
}

// Execute runs a command and returns its exit status.
func Execute(ctx context.Context, p Program, args []string) int {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := p.root()
	root.SetArgs(args)
	err := untilInterrupted(ctx, root.ExecuteContext)
	p.complain(err)
	return exitStatus(ctx, err)
}

// interruptTimeout is how long a command may take to end after a second signal.
const interruptTimeout = 2 * time.Second

// untilInterrupted runs f. After a second signal it returns even if f does not.
func untilInterrupted(ctx context.Context, f func(context.Context) error) error {
	second, stop := interrupt.Second(ctx)
	defer stop()
	done := make(chan error, 1)
	go func() { done <- f(ctx) }()
	select {
	case err := <-done:
		return err
	case <-second:
	}
	select {
	case err := <-done:
		return err
	case <-time.After(interruptTimeout):
		return worker.ErrInterrupted
	}
}

// root returns the command that has all others.
func (p *Program) root() *cobra.Command {
	c := parent("runner", "Run and operate workers for RabbitMQ from a YAML file")
	c.SilenceErrors, c.SilenceUsage = true, true // Execute reports them
	c.SetIn(p.Stdin)
	c.SetOut(p.Stdout)
	c.SetErr(p.Stderr)
	f := c.PersistentFlags()
	f.StringVarP(&p.settings.file, "config", "c", "", "configuration `file` (default ./config.yaml, if it exists)")
	f.StringArrayVar(&p.settings.set, "set", nil, "a `PATH=VALUE` that overrides the file, such as broker.url=embedded:; may be repeated")
	f.StringVar(&p.settings.broker, "broker", "", "the `NAME` in brokers of the broker to use (default: the setting broker)")
	f.StringVarP(&p.settings.format, "output", "o", "table", "`format` of results: table, json, jsonl or yaml")
	f.BoolVarP(&p.settings.verbose, "verbose", "v", false, "log at level debug")
	f.BoolVarP(&p.settings.quiet, "quiet", "q", false, "show no progress and no hints")
	c.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage(fmt.Errorf("runner: %w%s", err, suggestFlag(cmd, err)))
	})
	c.PersistentPreRunE = func(*cobra.Command, []string) error { return p.settings.check() }
	for _, group := range groups() {
		c.AddGroup(&cobra.Group{ID: group.id, Title: group.title + ":"})
		for _, command := range group.commands {
			sub := command(p)
			sub.GroupID = group.id
			c.AddCommand(sub)
		}
	}
	c.AddCommand(p.exitStatusTopic())
	refuseUnknownShells(c)
	return c
}

// complain prints an error on stderr.
func (p *Program) complain(err error) {
	var silent *silentError
	if err == nil || errors.As(err, &silent) {
		return
	}
	_, _ = fmt.Fprintln(p.Stderr, printable.Text(p.explain(err))) // if stderr cannot be written, there is no place to report it
}
