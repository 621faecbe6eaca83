package command

import "github.com/spf13/cobra"

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
			(*Program).workersCommand, (*Program).queuesCommand, (*Program).fleetCommand, (*Program).dlqCommand, (*Program).delaysCommand, (*Program).schedulesCommand,
			(*Program).pauseCommand, (*Program).resumeCommand, (*Program).scaleCommand, (*Program).doctorCommand,
		}},
		{"more", "Other commands", list{(*Program).publishCommand, (*Program).benchCommand, (*Program).versionCommand}},
	}
}
