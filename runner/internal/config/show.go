package config

import (
	"bytes"
	"cmp"
	"encoding"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/warren-mq/warren/internal/amqp"
)

// Origin returns where the value at path (such as queues.0.name) comes from: FILE:LINE with
// the variables in it, the variable or flag that overrides it, or "default".
func (c *Config) Origin(path string) string { return cmp.Or(c.origins[path], "default") }

// Show returns c as YAML, defaults included. If origins is set, each value has its origin
// as a comment. Secrets are shown as ****. Of a broker's URL only the password is hidden.
// Texts with variables are shown as they are written.
func (c *Config) Show(origins bool) []byte {
	s := &show{config: c, origins: origins}
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(cmp.Or(s.node(reflect.ValueOf(*c), ""), &yaml.Node{Kind: yaml.MappingNode})); err != nil {
		return fmt.Appendf(nil, "# %v\n", err)
	}
	return b.Bytes()
}

type show struct {
	config  *Config
	origins bool
}

// node returns v as YAML, or nil if v is empty.
func (s *show) node(v reflect.Value, path string) *yaml.Node {
	if v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		if v.IsNil() {
			return nil
		}
		v = v.Elem()
	}
	if text, ok := s.text(v, path); ok {
		return s.scalar(text, path)
	}
	switch v.Kind() {
	case reflect.Struct:
		return s.structNode(v, path)
	case reflect.Slice:
		n := &yaml.Node{Kind: yaml.SequenceNode}
		for i := range v.Len() {
			n.Content = append(n.Content, orEmpty(s.node(v.Index(i), join(path, strconv.Itoa(i)))))
		}
		return unlessEmpty(n)
	case reflect.Map:
		return s.mapNode(v, path)
	default:
		if v.IsZero() && s.config.origins[path] == "" {
			return nil
		}
		return s.scalar(v.Interface(), path)
	}
}

func (s *show) structNode(v reflect.Value, path string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode}
	for i := range v.NumField() {
		name := v.Type().Field(i).Tag.Get("yaml")
		if name == "" {
			continue
		}
		n.Content = append(n.Content, pair(name, s.node(v.Field(i), join(path, name)))...)
	}
	return unlessEmpty(n)
}

func (s *show) mapNode(v reflect.Value, path string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode}
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	for _, key := range keys {
		name := fmt.Sprint(key)
		n.Content = append(n.Content, pair(name, orEmpty(s.node(v.MapIndex(key), join(path, name))))...)
	}
	return unlessEmpty(n)
}

func pair(name string, value *yaml.Node) []*yaml.Node {
	if value == nil {
		return nil
	}
	key := &yaml.Node{}
	key.SetString(name)
	return []*yaml.Node{key, value}
}

func unlessEmpty(n *yaml.Node) *yaml.Node {
	if len(n.Content) == 0 {
		return nil
	}
	return n
}

// orEmpty returns n, or a null to keep the place of an empty item.
func orEmpty(n *yaml.Node) *yaml.Node {
	return cmp.Or(n, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"})
}

func (s *show) scalar(v any, path string) *yaml.Node {
	n := &yaml.Node{}
	if err := n.Encode(v); err != nil {
		n.SetString(hidden)
	}
	if s.origins {
		n.LineComment = s.config.Origin(path)
	}
	return n
}

// text returns the text of a value that has a special form; ok is false for others.
func (s *show) text(v reflect.Value, path string) (text string, ok bool) {
	if secret, ok := reflect.TypeAssert[Secret](v); ok {
		if raw, err := secret.Reveal(); err == nil && isBrokerURL(path) && raw != "" {
			if raw == Embedded {
				return raw, true
			}
			return amqp.Redact(raw), true
		}
		return secret.String(), !secret.IsZero()
	}
	if written := s.config.written[path]; written != "" {
		return written, true
	}
	switch x := v.Interface().(type) {
	case Env:
		name, _, hasValue := strings.Cut(string(x), "=")
		if hasValue {
			name += "=" + hidden
		}
		return name, true
	case URL:
		return place(string(x)), true
	case encoding.TextMarshaler:
		raw, err := x.MarshalText()
		return string(raw), err == nil && !v.IsZero()
	}
	return "", false
}

// isBrokerURL reports whether path leads to a URL in broker or brokers.
func isBrokerURL(path string) bool {
	words := strings.Split(path, ".")
	if words[0] == "brokers" && len(words) > 2 {
		words = words[1:]
	} else if words[0] != "broker" {
		return false
	}
	return len(words) > 1 && (words[1] == "url" || words[1] == "urls")
}

// place returns the scheme and host of a URL.
func place(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return hidden
	}
	shown := u.Scheme + "://" + u.Host
	if strings.Trim(u.Path, "/")+u.RawQuery+u.Fragment != "" {
		shown += "/" + hidden
	}
	return shown
}
