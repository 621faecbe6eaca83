package command

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/warren-mq/warren/asyncapi"
	"github.com/warren-mq/warren/runner/internal/wiring"
)

func (p *Program) asyncAPICommand() *cobra.Command {
	var title, version string
	c := &cobra.Command{
		Use: "asyncapi", Short: "Describe queues and messages for other teams, as AsyncAPI 3.0", Args: exactly(0),
		Long: `Describe the queues, the messages and what is published, as a document of AsyncAPI 3.0.

The schema of a message is the file in the handler's setting schema or in the schemas of its
codec, or the Go type of a handler in Go. Schedules, forward and emits are operations that send.
The schema of a schedule is made of its body. If the codec of emits has no schemas, the routing
keys are not known, and the address is #. Handlers that reply to calls have operations with a reply. With several brokers, the document is about one of
them: see --broker. It has the hosts and virtual hosts of its URLs, without users and passwords.
The command does not connect.

The format is JSON, or YAML with -o yaml. "runner schema diff" compares two documents.`,
		RunE: func(*cobra.Command, []string) error { return p.asyncAPI(title, version) },
	}
	c.Flags().StringVar(&title, "title", "", "the `name` of the application (default: telemetry.service_name)")
	c.Flags().StringVar(&version, "api-version", "1.0.0", "the `version` of the messages")
	return c
}

func (p *Program) asyncAPI(title, version string) error {
	whole, err := p.whole(true)
	if err != nil {
		return err
	}
	c, err := p.ofBroker(whole)
	if err != nil {
		return err
	}
	app, err := wiring.Describe(c, whole, p.settings.broker, p.Go)
	if err != nil {
		return err
	}
	app.Title, app.Version = title, version
	if title == "" {
		app.Title = c.Telemetry.ServiceName
	}
	doc, err := asyncapi.Generate(app)
	if err != nil {
		return fmt.Errorf("runner: %w", err)
	}
	if p.settings.format == "yaml" {
		return writeYAML(p.Stdout, json.RawMessage(doc))
	}
	if _, err := p.Stdout.Write(doc); err != nil {
		return fmt.Errorf("runner: %w", err)
	}
	return nil
}
