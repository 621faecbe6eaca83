package config

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// resolve makes top the root: every alias replaced by a copy of what it stands for,
// merges (<<) carried out, and no key twice.
func (d *document) resolve(top *yaml.Node) {
	n := d.expandAliases(top, 1)
	empty := n != nil && n.Kind == yaml.ScalarNode && n.Tag == "!!null"
	if d.count < maxNodes && !empty {
		d.root = n
		dropExtensions(n)
	}
}

// extension begins the keys at the top that are ignored: a place for anchors.
const extension = "x-"

func dropExtensions(root *yaml.Node) {
	if root.Kind != yaml.MappingNode {
		return
	}
	var kept []*yaml.Node
	for i := 0; i < len(root.Content); i += 2 {
		if !strings.HasPrefix(root.Content[i].Value, extension) {
			kept = append(kept, root.Content[i], root.Content[i+1])
		}
	}
	root.Content = kept
}

// expandAliases returns n, or nil if that goes too far, which it says once.
func (d *document) expandAliases(n *yaml.Node, depth int) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	switch d.count++; {
	case d.count == maxNodes:
		d.faultf(n, "there are more than %d nodes, with each alias taken as what it stands for", maxNodes-1)
		return nil
	case d.count > maxNodes:
		return nil
	case depth > maxDepth:
		d.faultf(n, "this is nested more than %d deep", maxDepth)
		d.count = maxNodes // there may be many more
		return nil
	}
	c := *n
	c.Content, c.Anchor = nil, ""
	if n.Kind == yaml.MappingNode {
		return d.expandMapping(&c, n, depth)
	}
	for _, child := range n.Content {
		if child = d.expandAliases(child, depth+1); child != nil {
			c.Content = append(c.Content, child)
		}
	}
	return &c
}

func (d *document) expandMapping(c, n *yaml.Node, depth int) *yaml.Node {
	var merges []*yaml.Node
	seen := make(map[string]int) // the lines of the keys
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := d.expandAliases(n.Content[i], depth+1), d.expandAliases(n.Content[i+1], depth+1)
		switch {
		case key == nil || value == nil:
			return nil
		case key.Kind != yaml.ScalarNode:
			d.faultf(key, "a key is a list or a map, want a name")
		case len(key.Value) > maxKey:
			d.faultf(key, "a key has %d bytes, want at most %d", len(key.Value), maxKey)
		case key.Tag == "!!merge":
			merges = append(merges, value)
		case seen[key.Value] > 0:
			d.faultf(key, "the key %q is in line %d already", key.Value, seen[key.Value])
		default:
			seen[key.Value] = key.Line
			c.Content = append(c.Content, key, value)
		}
	}
	for _, m := range merges {
		d.merge(c, m, seen)
	}
	return c
}

// merge adds what m has and c has not.
func (d *document) merge(c, m *yaml.Node, seen map[string]int) {
	from := []*yaml.Node{m}
	if m.Kind == yaml.SequenceNode {
		from = m.Content
	}
	for _, one := range from {
		if one.Kind != yaml.MappingNode {
			d.faultf(one, "<< merges maps, want such as *anchor")
			continue
		}
		for i := 0; i < len(one.Content); i += 2 {
			if key := one.Content[i]; seen[key.Value] == 0 {
				seen[key.Value] = key.Line
				c.Content = append(c.Content, one.Content[i], one.Content[i+1])
			}
		}
	}
}

// fieldOf is the value of a key of mapping n; nil if there is none.
func fieldOf(n *yaml.Node, key string) *yaml.Node {
	if i := keyIndex(n, key); i >= 0 {
		return n.Content[i+1]
	}
	return nil
}

func keyIndex(n *yaml.Node, key string) int {
	if n == nil || n.Kind != yaml.MappingNode {
		return -1
	}
	for i := 0; i < len(n.Content); i += 2 {
		if n.Content[i].Kind == yaml.ScalarNode && n.Content[i].Value == key {
			return i
		}
	}
	return -1
}
