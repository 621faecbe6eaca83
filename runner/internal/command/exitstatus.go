package command

import "github.com/spf13/cobra"

// exitStatusTopic returns a help page: runner help exit-status.
func (p *Program) exitStatusTopic() *cobra.Command {
	return &cobra.Command{
		Use: "exit-status", Short: "Exit statuses of all commands",
		Long: `Exit statuses of all commands:

    0   success; for run and dev: stopped by a signal, and drained
    1   the command failed; the error is on stderr
    2   wrong arguments, or a removal was not confirmed
    3   the configuration is wrong; the command did not connect
    4   the broker cannot be reached, or refuses the user or virtual host
    5   the topology conflicts with the broker's; nothing was changed. With
        "topology plan --detailed-exitcode" also: something is missing or left over
    6   only a part was done: some messages were published or replayed and others not, or
        "topology prune" has kept a queue that is in use
    7   doctor found an error
  130   interrupted; for run and dev: by a second signal, before the end of the drain`,
	}
}
