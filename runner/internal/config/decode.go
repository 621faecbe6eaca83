package config

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// decode returns the configuration. Values with faults are left zero.
func (d *document) decode(over []override) *Config {
	c, err := d.layer(over)
	if err != nil { // only if the schema allows more than the structs, which a test finds
		d.faults = append(d.faults, Fault{Place: d.source.Name, Text: "the settings cannot be read"})
	}
	c.Brokers = items[Broker](d, "brokers")
	c.Exchanges = items[Exchange](d, "exchanges")
	c.Codecs = items[Codec](d, "codecs")
	c.Queues = items[Queue](d, "queues")
	c.Schedules = items[Schedule](d, "schedules")
	c.Fleet.Users = items[string](d, "fleet.users")
	return c
}

func items[T any](d *document, section string) []T {
	n := d.nodes[section]
	if n == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	all := make([]T, len(n.Content))
	for i, item := range n.Content {
		path := join(section, strconv.Itoa(i))
		if err := d.prune(item, path).Decode(&all[i]); err != nil && !d.bad[path] {
			d.faultf(item, "%s cannot be read", last(path))
		}
	}
	return all
}

// prune returns the tree without faulty values, so that the rest can be checked.
func (d *document) prune(n *yaml.Node, path string) *yaml.Node {
	if !d.bad[path] {
		return n
	}
	c := *n
	c.Content = nil
	switch {
	case n.Kind == yaml.MappingNode:
		for i := 0; i < len(n.Content); i += 2 {
			if at := join(path, n.Content[i].Value); !d.wrong[at] || n.Content[i+1].Kind != yaml.ScalarNode {
				c.Content = append(c.Content, n.Content[i], d.prune(n.Content[i+1], at))
			}
		}
	case n.Kind == yaml.SequenceNode:
		for i, item := range n.Content {
			c.Content = append(c.Content, d.prune(item, join(path, strconv.Itoa(i))))
		}
	case d.wrong[path]:
		c.Tag, c.Value = "!!null", ""
	}
	return &c
}

// origins returns the origin of each value, by path.
func (d *document) origins(over []override) map[string]string {
	from := make(map[string]string)
	for n, note := range d.notes {
		fromFile := note.of == secretType && n.Kind == yaml.MappingNode
		if d.nodes[note.path] != n || n.Kind != yaml.ScalarNode && !fromFile {
			continue
		}
		from[note.path] = d.source.Name + ":" + strconv.Itoa(n.Line)
		switch {
		case fromFile:
			from[note.path] += " (" + fieldOf(n, "file").Value + ")"
		case len(note.names) > 0:
			from[note.path] += " (" + strings.Join(note.names, ", ") + ")"
		}
	}
	for _, o := range over {
		from[o.path] = o.place
	}
	return from
}

// written returns the texts with variables as they are written in the file, by path.
func (d *document) written() map[string]string {
	texts := make(map[string]string)
	for _, note := range d.notes {
		if note.source != "" && !note.open {
			texts[note.path] = note.source
		}
	}
	return texts
}
