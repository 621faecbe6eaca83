package command

import (
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

var update = flag.Bool("update", false, "write docs/reference/commands.md anew")

const commandsTitle = `# Reference: commands

Every command of the runner, as ` + "`--help`" + ` prints it. A group of commands is listed only if its help contains more than the list of its commands. ` + "`runner completion SHELL`" + ` prints a completion script for bash, zsh, fish or powershell, and ` + "`runner help exit-status`" + ` the exit statuses. ` + "`go test ./runner/internal/command -update`" + ` writes this page.
[The runner](../runner.md) describes what they are for, and their [exit status](../runner.md#exit-status).

`

// TestTheReferenceOfTheCommandsIsFresh holds docs/reference/commands.md to the help texts.
func TestTheReferenceOfTheCommandsIsFresh(t *testing.T) {
	t.Parallel()
	root := new(Program).root()
	root.InitDefaultHelpCmd()
	var b strings.Builder
	b.WriteString(commandsTitle)
	fmt.Fprintf(&b, "## Flags of all commands\n\n```text\n%s```\n", root.PersistentFlags().FlagUsages())
	commands := 0
	for _, c := range root.Commands() {
		commands += commandSections(&b, c)
	}
	if commands < 40 {
		t.Errorf("the runner has %d commands, want more: is the tree visited?", commands)
	}
	const file = "../../../docs/reference/commands.md"
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(file); err != nil || string(want) != b.String() {
		t.Errorf("%s is not what the help texts say now (%v); go test -update writes it", file, err)
	}
}

// commandSections writes the sections of a command and of its subcommands, and returns their number.
func commandSections(b *strings.Builder, c *cobra.Command) (n int) {
	if c.Name() == "completion" || c.Name() == "help" || c.Hidden { // which are cobra's, and of no use to a reader
		return 0
	}
	only := reflect.ValueOf(c.RunE).Pointer() == reflect.ValueOf(helpOnly).Pointer() // it only has subcommands
	if c.Runnable() && (!only || c.Long != "") {
		n = 1
		fmt.Fprintf(b, "\n## %s\n\n%s.\n\n```text\n%s\n", c.CommandPath(), c.Short, c.UseLine())
		if long := strings.TrimSpace(c.Long); long != "" {
			fmt.Fprintf(b, "\n%s\n", long)
		}
		if c.Example != "" {
			fmt.Fprintf(b, "\nExamples:\n%s\n", c.Example)
		}
		if flags := own(c).FlagUsages(); flags != "" {
			fmt.Fprintf(b, "\nFlags:\n%s", flags)
		}
		b.WriteString("```\n")
	}
	for _, sub := range c.Commands() {
		n += commandSections(b, sub)
	}
	return n
}

// own returns the flags of a command without those of all commands.
func own(c *cobra.Command) *pflag.FlagSet {
	c.InitDefaultHelpFlag()
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	c.NonInheritedFlags().VisitAll(func(f *pflag.Flag) {
		if f.Name != "help" {
			flags.AddFlag(f)
		}
	})
	return flags
}
