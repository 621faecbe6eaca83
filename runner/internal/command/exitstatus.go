package command

import "github.com/spf13/cobra"

// exitStatusTopic is a page of help: runner help exit-status.
func (p *Program) exitStatusTopic() *cobra.Command {
	return &cobra.Command{
		Use: "exit-status", Short: "Exit statuses of all commands",
		Long: `Exit statuses of all commands:

    0   all went well; for run and dev: it was told to stop, and has drained
    1   it went wrong, as the text on stderr says
    2   it was called wrongly, or what destroys was not confirmed
    3   the configuration is wrong, and nothing was connected
    4   the broker cannot be reached, or refuses user or virtual host
    5   the topology conflicts with what the broker has; nothing was changed. With
        "topology plan --detailed-exitcode" also: something is missing or left over
    6   a part was done: some messages were published or replayed, and others not, or
        "topology prune" has kept a queue that is in use
    7   doctor has found an error
  130   it was interrupted; for run and dev: by a second signal, before it had drained`,
	}
}
