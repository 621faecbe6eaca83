package command

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/warren-mq/warren/internal/printable"
	"github.com/warren-mq/warren/runner/internal/config"
)

func (p *Program) configCommand() *cobra.Command {
	c := parent("config", "Check, show and create a configuration")
	c.AddCommand(p.configValidate(), p.configShow(), p.configSchema(), p.configInit())
	return c
}

func (p *Program) configValidate() *cobra.Command {
	return &cobra.Command{
		Use: "validate", Short: "Report all faults of the configuration", Args: exactly(0),
		RunE: func(*cobra.Command, []string) error {
			c, err := p.runnable()
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(p.Stdout, "%s is valid: %s, %s, %s\n", p.fileName(),
				several(len(c.Exchanges), "exchange"), several(len(c.Queues), "queue"), several(len(c.Schedules), "schedule"))
			return err
		},
	}
}

// several formats a number and its noun.
func several(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func (p *Program) configShow() *cobra.Command {
	var origins bool
	c := &cobra.Command{
		Use: "show", Short: "Show the configuration with its defaults and without secrets", Args: exactly(0),
		RunE: func(*cobra.Command, []string) error {
			c, err := p.whole(false)
			if err != nil {
				return err
			}
			shown := c.Show(origins)
			if isTerminal(p.Stdout) {
				shown = []byte(printable.Text(string(shown)))
			}
			_, err = p.Stdout.Write(shown)
			return err
		},
	}
	c.Flags().BoolVar(&origins, "origins", false, "show where each value comes from")
	return c
}

func (p *Program) configSchema() *cobra.Command {
	return &cobra.Command{
		Use: "schema", Short: "Show the JSON Schema of the configuration, for editors", Args: exactly(0),
		RunE: func(*cobra.Command, []string) error {
			_, err := p.Stdout.Write(config.Schema())
			return err
		},
	}
}

func (p *Program) configInit() *cobra.Command {
	return &cobra.Command{
		Use: "init", Short: "Write an example configuration and its schema", Args: exactly(0),
		RunE: func(*cobra.Command, []string) error {
			name := p.fileName()
			if err := create(name, config.Init()); err != nil {
				return err
			}
			if err := create("config.schema.json", config.Schema()); err != nil && !errors.Is(err, fs.ErrExist) {
				return err
			}
			p.hintf("Wrote %s. Try: runner dev%s", name, p.fileFlag())
			return nil
		},
	}
}

// create writes a new file. It does not overwrite an existing one.
func create(name string, data []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // no secrets
	if err != nil {
		return fmt.Errorf("runner: %w", err)
	}
	_, err = f.Write(data)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("runner: %w", err)
	}
	return nil
}
