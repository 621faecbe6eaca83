package config

import (
	"reflect"

	"go.yaml.in/yaml/v3"

	"github.com/warren-mq/warren/job"
)

// Secret is text that must not be shown. It comes from the configuration, or from a file
// that is read at each use: see job.Secret.
type Secret struct{ job.Secret }

// UnmarshalYAML reads text, or {file: PATH}.
func (s *Secret) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		return s.UnmarshalText([]byte(n.Value))
	}
	var from struct {
		File string `yaml:"file"`
	}
	err := n.Decode(&from)
	s.Secret = job.SecretFile(from.File)
	return err
}

// secretFromMap does for mapstructure what UnmarshalYAML does for YAML.
func secretFromMap(_, to reflect.Type, data any) (any, error) {
	m, ok := data.(map[string]any)
	if !ok || to != secretType {
		return data, nil
	}
	path, _ := m["file"].(string) // the schema has checked that it is text
	return Secret{job.SecretFile(path)}, nil
}

// known returns the text of a secret whose file was checked to be readable.
func known(s Secret) string {
	text, _ := s.Reveal()
	return text
}
