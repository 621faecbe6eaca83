package command

import (
	"runtime"

	"github.com/spf13/cobra"

	"github.com/warren-mq/warren/internal/record"
)

// versions are the versions of the program, Go and the system.
type versions struct {
	Warren string `json:"warren"`
	Go     string `json:"go"`
	System string `json:"system"`
}

func (p *Program) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Show the version", Args: exactly(0),
		RunE: func(*cobra.Command, []string) error {
			v := versions{record.Version(), runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}
			return p.show(result{rows: [][]string{{"runner", v.Warren}, {"go", v.Go}, {"system", v.System}}, values: []any{v}, single: true})
		},
	}
}
