package command

import (
	"fmt"

	"github.com/spf13/cobra"
)

// parent returns a command that only has subcommands.
func parent(name, short string) *cobra.Command {
	return &cobra.Command{Use: name, Short: short, Args: cobra.ArbitraryArgs, RunE: helpOnly}
}

// helpOnly shows the help of c, and returns an error for an unknown subcommand.
func helpOnly(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return c.Help()
	}
	if args[0] == "help" { // "runner dlq help" is the same as "runner help dlq"
		if sub, rest, err := c.Find(args[1:]); err == nil && len(rest) == 0 {
			return sub.Help()
		}
		args = args[1:]
	}
	hint := ""
	c.SuggestionsMinimumDistance = 2
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		hint = fmt.Sprintf(": did you mean %q?", near[0])
	}
	return usage(fmt.Errorf("runner: unknown command %q for %q%s", args[0], c.CommandPath(), hint))
}

// refuseUnknownShells makes the command completion return an error for an unknown shell.
func refuseUnknownShells(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() == "completion" {
			c.Args, c.RunE = cobra.ArbitraryArgs, helpOnly
		}
	}
}

// group holds the commands that help lists together.
type group struct {
	id, title string
	commands  []func(*Program) *cobra.Command
}

func groups() []group {
	type list = []func(*Program) *cobra.Command
	return []group{
		{"run", "Run workers", list{(*Program).runCommand, (*Program).devCommand, (*Program).configCommand, (*Program).topologyCommand}},
		{"work", "Operate workers", list{
			(*Program).workersCommand, (*Program).queuesCommand, (*Program).fleetCommand, (*Program).dlqCommand, (*Program).delaysCommand, (*Program).claimsCommand, (*Program).schedulesCommand,
			(*Program).pauseCommand, (*Program).resumeCommand, (*Program).scaleCommand, (*Program).doctorCommand, (*Program).healthcheckCommand,
		}},
		{"more", "Other commands", list{(*Program).publishCommand, (*Program).benchCommand, (*Program).k8sCommand, (*Program).asyncAPICommand, (*Program).schemaCommand, (*Program).versionCommand}},
	}
}
