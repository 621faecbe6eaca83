package command

import "github.com/spf13/cobra"

func (p *Program) delaysCommand() *cobra.Command {
	c := parent("delays", "Move the delayed messages of an earlier version")
	c.AddCommand(p.delaysMigrate())
	return c
}
