package command

import (
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// named matches the commands that a help text names.
var named = regexp.MustCompile(`\brunner((?: [a-z][a-z-]*)+)`)

func TestHelpNamesCommandsThatExist(t *testing.T) {
	t.Parallel()
	root := new(Program).root()
	root.InitDefaultHelpCmd()
	seen := 0
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		texts := []string{c.Short, c.Long, c.Example}
		c.LocalFlags().VisitAll(func(f *pflag.Flag) { texts = append(texts, f.Usage) })
		text := strings.ReplaceAll(strings.Join(texts, "\n"), "running runner", "process")
		for _, m := range named.FindAllStringSubmatch(text, -1) {
			words := strings.Fields(m[1])
			found, rest, err := root.Find(words)
			if err == nil && found != root && len(rest) > 0 && rest[0] == "help" && found.HasSubCommands() {
				rest = nil // runner dlq help
			}
			seen++
			if err != nil || found == root || found.HasSubCommands() && len(rest) > 0 && found.Name() != "help" {
				t.Errorf("%q names runner%s, which does not exist", c.CommandPath(), m[1])
			}
		}
		for _, sub := range c.Commands() {
			if sub.Name() != "completion" { // which is cobra's
				visit(sub)
			}
		}
	}
	visit(root)
	if seen < 5 {
		t.Errorf("the texts name %d commands: is the pattern right?", seen)
	}
}

// TestNoCommandHidesAFlagOfAllCommands wants one meaning for each flag, such as --quiet.
func TestNoCommandHidesAFlagOfAllCommands(t *testing.T) {
	t.Parallel()
	root := new(Program).root()
	common := root.PersistentFlags()
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		c.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
			if common.Lookup(f.Name) != nil || f.Shorthand != "" && common.ShorthandLookup(f.Shorthand) != nil {
				t.Errorf("%s has a flag --%s of its own, which hides the flag of all commands", c.CommandPath(), f.Name)
			}
		})
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(root)
}
