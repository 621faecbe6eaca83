package config

import (
	"maps"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Needs lists what a configuration takes from the machine that it runs on.
type Needs struct {
	Variables []Variable // sorted by name
	Files     []string   // of secrets and certificates; sorted
	Plain     []string   // paths of secrets that are written in the file, such as admin.token; sorted

	keys map[string]string
}

// Variable is an environment variable.
type Variable struct {
	Name     string
	Optional bool // it has a default wherever it is used, or is only passed on to a command
}

// Needs returns what c takes from another machine. It is empty unless c was read with
// Source.Elsewhere.
func (c *Config) Needs() Needs { return c.needs }

// Key returns the name of the variable or file that contains the secret at a path, such as
// broker.management_url. It is empty if the secret is missing or is only a part of the value.
func (n Needs) Key(path string) string { return n.keys[path] }

// needed collects Needs while a document is read.
type needed struct {
	variables map[string]bool // whether it is optional
	files     map[string]bool
	plain     map[string]bool
	keys      map[string]string
}

func newNeeded() *needed {
	return &needed{make(map[string]bool), make(map[string]bool), make(map[string]bool), make(map[string]string)}
}

func (n *needed) addVariable(name string, optional bool) {
	known, found := n.variables[name]
	n.variables[name] = optional && (known || !found)
}

func (n *needed) result() Needs {
	r := Needs{Files: slices.Sorted(maps.Keys(n.files)), Plain: slices.Sorted(maps.Keys(n.plain)), keys: n.keys}
	for _, name := range slices.Sorted(maps.Keys(n.variables)) {
		r.Variables = append(r.Variables, Variable{name, n.variables[name]})
	}
	return r
}

// single matches a text that is one variable.
var single = regexp.MustCompile(`^\$\{[^{}]*\}$`)

// lookupFor returns the function that looks up the variables in the value at n. For another
// machine, each variable without a default has a stand-in.
func (d *document) lookupFor(n *yaml.Node) func(string) (string, bool) {
	if !d.source.Elsewhere {
		return d.source.lookup
	}
	text, at := n.Value, d.notes[n].path
	return func(name string) (string, bool) {
		optional := strings.Contains(text, "${"+name+":-")
		d.needed.addVariable(name, optional)
		if single.MatchString(text) {
			d.needed.keys[at] = name
		}
		if optional {
			return "", false
		}
		return standIn(at, name, single.MatchString(text)), true
	}
}

// noteScalar notes the files, variables and plain secrets that a value of type t means.
func (d *document) noteScalar(n *yaml.Node, t reflect.Type) {
	at := d.notes[n].path
	switch {
	case !d.source.Elsewhere || n.Value == "":
	case t == secretType && hasSecret(n.Value):
		d.needed.plain[at] = true
	case strings.Contains(n.Value, "${"):
	case t == reflect.TypeFor[Env]() && !strings.Contains(n.Value, "="):
		d.needed.addVariable(n.Value, true)
	case t != nil && t.Kind() == reflect.String && strings.HasSuffix(at, "_file"):
		d.addFile(n, n.Value)
	}
}

// credentials matches the user and password in a URL.
var credentials = regexp.MustCompile(`^[a-z]+://(?:[^/@]*?:([^/@]*)@)?`)

// hasSecret reports whether a text has a secret. A variable is none, and neither is a URL without
// a password.
func hasSecret(text string) bool {
	if m := credentials.FindStringSubmatch(text); m != nil {
		text = m[1]
	}
	return text != "" && text != Embedded && !strings.Contains(text, "${")
}

// addFile notes a file of the other machine.
func (d *document) addFile(n *yaml.Node, name string) {
	if !path.IsAbs(name) {
		d.faultf(n, "the path %q is relative, want an absolute path, because the file is on another machine", name)
		return
	}
	d.needed.files[path.Clean(name)] = true
}

// replace puts a stand-in in the place of {file: PATH}, which is on another machine.
func (d *document) replace(n, name *yaml.Node) {
	d.addFile(name, name.Value)
	at := d.notes[n].path
	key := filepath.Base(name.Value)
	d.needed.keys[at] = key
	n.Kind, n.Tag, n.Content = yaml.ScalarNode, "!!str", nil
	n.Value = standIn(at, key, true)
}

// StandIn is the end of the host in each stand-in.
const StandIn = ".stand-in.invalid"

// standIn returns a text that passes the checks of the setting at a path, in place of the value
// of a variable or file. The text is the whole value, or a part of it.
func standIn(at, name string, whole bool) string {
	host := strings.ToLower(strings.ReplaceAll(name, "_", "-")) + StandIn
	switch setting := at[strings.LastIndex(at, ".")+1:]; {
	case whole && isBrokerURL(at):
		return "amqps://" + host
	case whole && (setting == "management_url" || setting == "url"):
		return "https://" + host
	}
	return host
}
