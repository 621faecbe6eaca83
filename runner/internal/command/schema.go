package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/warren-mq/warren/asyncapi/schemadiff"
	"github.com/warren-mq/warren/runner/internal/config"
)

func (p *Program) schemaCommand() *cobra.Command {
	c := parent("schema", "Compare versions of JSON Schemas and AsyncAPI documents")
	c.AddCommand(p.schemaDiff())
	return c
}

func (p *Program) schemaDiff() *cobra.Command {
	var as string
	c := &cobra.Command{
		Use: "diff OLD NEW", Short: "List the changes between two versions, and fail if one is breaking", Args: exactly(2),
		Long: `List the changes between two files: two JSON Schemas, or two documents of "runner asyncapi". They
are JSON, or YAML if the names end with .yaml or .yml.

For a consumer, a change is breaking if the new version refuses a message that the old version
accepts, because producers may still be old. For a producer, a change is breaking if the old
version refuses a message that the new version accepts, because consumers may still be old. In a
document, operations that receive are consumers, and operations that send are producers. Their
replies are the opposite. For a JSON Schema, --as says which it is; by default both are.

The exit status is 1 if a change is breaking.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.diffSchemas(args[0], args[1], as, cmd.Flags().Changed("as"))
		},
	}
	c.Flags().StringVar(&as, "as", "both", "who uses a JSON Schema: consumer, producer or both")
	return c
}

func (p *Program) diffSchemas(oldName, newName, as string, given bool) error {
	side, ok := map[string]schemadiff.Side{"consumer": schemadiff.Consumer, "producer": schemadiff.Producer, "both": schemadiff.Both}[as]
	if !ok {
		return usage(fmt.Errorf("runner: --as is %q, want consumer, producer or both", as))
	}
	old, err := readSchema(oldName)
	if err != nil {
		return err
	}
	next, err := readSchema(newName)
	if err != nil {
		return err
	}
	var changes []schemadiff.Change
	switch document := schemadiff.IsDocument(old); {
	case document != schemadiff.IsDocument(next):
		return usage(errors.New("runner: one file is an AsyncAPI document, and the other is a JSON Schema: want two of a kind"))
	case document && given:
		return usage(errors.New("runner: --as is for JSON Schemas: in an AsyncAPI document, the operations say it"))
	case document:
		changes, err = schemadiff.Documents(old, next)
	default:
		changes, err = schemadiff.Schemas(old, next, side)
	}
	if err != nil {
		return fmt.Errorf("runner: %w", err)
	}
	return p.showDiff(changes)
}

func (p *Program) showDiff(changes []schemadiff.Change) error {
	r := result{header: []string{"EFFECT", "PATH", "CHANGE"}, empty: "The versions accept the same messages."}
	for _, c := range changes {
		effect := "compatible"
		if c.Breaking {
			effect = "BREAKING"
		}
		path := c.Path
		if path == "" {
			path = "/"
		}
		r.rows, r.values = append(r.rows, []string{effect, path, c.Text}), append(r.values, c)
	}
	if len(changes) == 0 {
		r.header = nil
	}
	err := p.show(r)
	if err == nil && slices.ContainsFunc(changes, func(c schemadiff.Change) bool { return c.Breaking }) {
		err = &silentError{exitFailed}
	}
	return err
}

// maxSchema is the size of the largest file that schema diff reads.
const maxSchema = 16 << 20

// readSchema reads a file of JSON or YAML, and returns it as JSON.
func readSchema(name string) ([]byte, error) {
	data, err := config.ReadFile(name, maxSchema)
	if err != nil {
		return nil, fmt.Errorf("runner: %w", err)
	}
	if extension := filepath.Ext(name); extension != ".yaml" && extension != ".yml" {
		return data, nil
	}
	var value any
	if err := yaml.Unmarshal(data, &value); err != nil {
		return nil, fmt.Errorf("runner: %s: %w", name, err)
	}
	data, err = json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("runner: %s: want YAML whose keys are text: %w", name, err)
	}
	return data, nil
}
