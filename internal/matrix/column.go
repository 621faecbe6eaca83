package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// Kinds of brokers.
const (
	rabbitmq  = "rabbitmq"
	devbroker = "devbroker"
	pipe      = "pipe" // devbroker in the bubbles of testing/synctest
)

// versions returns the versions of RabbitMQ that tests run on and that devbroker emulates.
func versions() []string { return []string{"3.10", "4.0", "4.3"} }

// column is one broker with the results of the tests on it.
type column struct {
	kind    string
	version string
	results results
	fault   string // why it did not run to its end; empty if it did
}

func (c *column) name() string { return c.kind + "-" + c.version }

// is reports whether the name selects this column, as in rabbitmq-4.3, or rabbitmq for all.
func (c *column) is(name string) bool { return name == c.kind || name == c.name() }

// environment returns the environment of scripts/rabbitmq for this column.
func (c *column) environment() []string {
	env := slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "AMQP_URL=") || strings.HasPrefix(v, "WARREN_")
	})
	switch c.kind {
	case devbroker:
		return append(env, "AMQP_URL=embedded:"+c.version)
	case pipe:
		return append(env, "AMQP_URL=pipe:"+c.version)
	}
	return append(env, "WARREN_RABBITMQ="+c.version)
}

// runs reports whether the column runs the package. A pipe column runs only packages whose
// tests use rabbit.Test.
func (c *column) runs(pkg string) bool {
	return c.kind != pipe || slices.Contains([]string{"internal/amqp", "internal/amqp/inspect", "internal/amqp/leader", "internal/amqp/members", "runner/internal/engine", "worker"}, short(pkg))
}

// parseColumns returns the columns of a list of names, in the order of the table.
func parseColumns(list string) (columns []*column, err error) {
	names := strings.Split(list, ",")
	known := make(map[string]bool)
	for _, kind := range []string{rabbitmq, devbroker, pipe} {
		for _, version := range versions() {
			c := &column{kind: kind, version: version, results: newResults()}
			known[c.kind], known[c.name()] = true, true
			if slices.ContainsFunc(names, c.is) {
				columns = append(columns, c)
			}
		}
	}
	for _, name := range names {
		if !known[name] {
			return nil, fmt.Errorf("matrix: unknown column %q, want rabbitmq, devbroker or pipe, or a version such as rabbitmq-4.3", name)
		}
	}
	return columns, nil
}
