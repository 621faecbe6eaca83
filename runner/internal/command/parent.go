package command

import (
	"fmt"

	"github.com/spf13/cobra"
)

// parent is a command that only has others.
func parent(name, short string) *cobra.Command {
	return &cobra.Command{Use: name, Short: short, Args: cobra.ArbitraryArgs, RunE: helpOnly}
}

// helpOnly shows the commands that c has, and complains of one that it has not.
func helpOnly(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return c.Help()
	}
	if args[0] == "help" { // as "runner help" has it
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
	return usage(fmt.Errorf("runner: there is no command %q in %q%s", args[0], c.CommandPath(), hint))
}

// refuseUnknownShells has the command completion complain of what it does not know.
func refuseUnknownShells(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() == "completion" {
			c.Args, c.RunE = cobra.ArbitraryArgs, helpOnly
		}
	}
}
