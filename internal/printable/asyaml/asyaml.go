// Package asyaml writes JSON data as YAML that is safe to print.
package asyaml

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/warren-mq/warren/internal/printable"
)

// Encode returns JSON data as YAML, with \ escapes for the characters that printable.Text would
// replace. Keys keep their order.
func Encode(data []byte) ([]byte, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	node, err := read(d)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	e := yaml.NewEncoder(&out)
	e.SetIndent(2)
	if err := e.Encode(node); err != nil {
		return nil, err
	}
	return printable.Escape(out.Bytes(), func(out []byte, r rune) []byte { return fmt.Appendf(out, `\U%08x`, r) }), nil
}

// read returns the next value, or nil at the end of a list or map. It does not use a YAML
// reader, because that rejects some JSON, such as long keys.
func read(d *json.Decoder) (*yaml.Node, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token := token.(type) {
	case json.Delim:
		return readAll(d, token)
	case string:
		return text(token), nil
	case json.Number:
		return &yaml.Node{Kind: yaml.ScalarNode, Value: token.String()}, nil
	case bool:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: strconv.FormatBool(token)}, nil
	default:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}, nil
	}
}

// readAll returns the list or map that a delimiter begins, or nil if it is a closing one.
func readAll(d *json.Decoder, begin json.Delim) (*yaml.Node, error) {
	n := &yaml.Node{Kind: yaml.SequenceNode}
	switch begin {
	case '{':
		n.Kind = yaml.MappingNode
	case ']', '}':
		return nil, nil //nolint:nilnil // the end
	}
	for {
		child, err := read(d)
		if err != nil || child == nil {
			return n, err
		}
		n.Content = append(n.Content, child)
	}
}

// text returns a scalar. If it contains characters to escape, it is in double quotes,
// because no other style has escapes.
func text(value string) *yaml.Node {
	n := new(yaml.Node)
	n.SetString(value)
	n.Style = 0
	if strings.ContainsFunc(value, printable.IsUnsafe) {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}
