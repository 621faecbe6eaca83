package config

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// resolve sets the root to a copy of top in which aliases are replaced by copies of their
// anchors and merges (<<) are carried out. It reports duplicate keys.
func (d *document) resolve(top *yaml.Node) {
	n := d.expandAliases(top, 1)
	empty := n != nil && n.Kind == yaml.ScalarNode && n.Tag == "!!null"
	if d.count < maxNodes && !empty {
		d.root = n
		dropExtensions(n)
	}
}

// extension is the prefix of top-level keys that are ignored, as a place for anchors.
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

// expandAliases returns a copy of n without aliases. If the tree is too large or nested
// too deep, it adds one fault and returns nil.
func (d *document) expandAliases(n *yaml.Node, depth int) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	switch d.count++; {
	case d.count == maxNodes:
		d.faultf(n, "the file has more than %d nodes, counting the nodes of each alias, want fewer", maxNodes-1)
		return nil
	case d.count > maxNodes:
		return nil
	case depth > maxDepth:
		d.faultf(n, "this is nested more than %d levels deep, want fewer", maxDepth)
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
			d.faultf(key, "the key is a list or a map, want a name")
		case len(key.Value) > maxKey:
			d.faultf(key, "the key has %d bytes, want at most %d", len(key.Value), maxKey)
		case key.Tag == "!!merge":
			merges = append(merges, value)
		case seen[key.Value] > 0:
			d.faultf(key, "the key %q is also in line %d, want it once", key.Value, seen[key.Value])
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

// merge adds the keys of m that c does not have.
func (d *document) merge(c, m *yaml.Node, seen map[string]int) {
	from := []*yaml.Node{m}
	if m.Kind == yaml.SequenceNode {
		from = m.Content
	}
	for _, one := range from {
		if one.Kind != yaml.MappingNode {
			d.faultf(one, "<< merges maps, want an alias of a map, such as *anchor")
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

// fieldOf returns the value of a key of mapping n, or nil.
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
