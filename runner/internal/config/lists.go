package config

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/warren-mq/warren/topology"
)

// complainf adds a fault at the value at path. If the file has no such value, the fault is
// at the nearest parent.
func (d *document) complainf(path, format string, args ...any) {
	for d.nodes[path] == nil {
		path = path[:max(strings.LastIndex(path, "."), 0)]
	}
	d.faultf(d.nodes[path], format, args...)
}

// checkLists checks what the schema cannot express about exchanges, queues and schedules.
func (d *document) checkLists(c *Config) {
	for i, b := range c.Brokers {
		d.ifMap(join("brokers", strconv.Itoa(i)), func(path string) { d.checkNamedBroker(path, b) })
	}
	for i, e := range c.Exchanges {
		d.ifMap(join("exchanges", strconv.Itoa(i)), func(path string) { d.checkExchange(path, e) })
	}
	for i, one := range c.Codecs {
		d.ifMap(join("codecs", strconv.Itoa(i)), func(path string) { d.checkCodec(path, one) })
	}
	for i, q := range c.Queues {
		d.ifMap(join("queues", strconv.Itoa(i)), func(path string) { d.checkQueue(path, q, c) })
	}
	for i, s := range c.Schedules {
		d.ifMap(join("schedules", strconv.Itoa(i)), func(path string) { d.checkSchedule(path, s) })
	}
	for _, section := range []string{"brokers", "exchanges", "codecs", "queues", "schedules"} {
		d.checkUnique(section, "name")
	}
}

// ifMap calls check for an item that has fields to check.
func (d *document) ifMap(path string, check func(path string)) {
	if d.nodes[path].Kind == yaml.MappingNode {
		check(path)
	}
}

// sound reports whether the given fields of a map have no faults so far and can be
// compared.
func (d *document) sound(path string, fields ...string) bool {
	return !slices.ContainsFunc(fields, func(field string) bool { return d.bad[join(path, field)] })
}

// named returns the nodes of a field in a list's items, by text. If two items have the same
// text, it returns the first.
func (d *document) named(list, field string) map[string]*yaml.Node {
	found := make(map[string]*yaml.Node)
	n := d.nodes[list]
	if n == nil || n.Kind != yaml.SequenceNode {
		return found
	}
	for _, item := range n.Content {
		if name := fieldOf(item, field); name != nil && name.Kind == yaml.ScalarNode && found[name.Value] == nil {
			found[name.Value] = name
		}
	}
	return found
}

// checkUnique reports items whose field has the same text as an earlier item.
func (d *document) checkUnique(list, field string) {
	firsts := d.named(list, field)
	n := d.nodes[list]
	if n == nil || n.Kind != yaml.SequenceNode {
		return
	}
	for _, item := range n.Content {
		name := fieldOf(item, field)
		if name == nil || name.Kind != yaml.ScalarNode || firsts[name.Value] == name {
			continue
		}
		d.faultf(name, "%s is %s, which line %d has too, want another", field, d.shown(name), firsts[name.Value].Line)
	}
}

// checkKnown reports the name of an exchange that is not in the list exchanges.
func (d *document) checkKnown(path, exchange string) { d.checkListed("exchanges", path, exchange) }

// checkListed reports the name of an item that is not in a list.
func (d *document) checkListed(list, path, name string) {
	section := d.nodes[list]
	if name == "" || section != nil && section.Kind != yaml.SequenceNode {
		return
	}
	known := d.named(list, "name")
	if known[name] != nil {
		return
	}
	names := slices.Sorted(maps.Keys(known))
	hint := Meant(name, names)
	if len(names) == 0 {
		hint = ", want it there"
	}
	d.complainf(path, "%s is %q, which is not in %s%s", last(path), name, list, hint)
}

func (d *document) checkExchange(path string, e Exchange) {
	if reserved(e.Name) {
		d.complainf(join(path, "name"), "name is %q, want another: names that begin with amq. or warren. are reserved", e.Name)
	}
	if err := (topology.Topology{Exchanges: []topology.Exchange{{Name: e.Name}}}).Validate(); err != nil {
		d.complainf(join(path, "name"), "%s", strings.TrimPrefix(err.Error(), "broker: "))
	}
}

func reserved(name string) bool {
	return strings.HasPrefix(name, "amq.") || strings.HasPrefix(name, "warren.")
}
