package main

import (
	_ "embed"
	"fmt"
	"strings"
)

//go:embed exceptions.txt
var exceptionsFile string

// exception is a test that may fail or be skipped on some columns.
type exception struct {
	columns string // such as rabbitmq-4.3, or devbroker for all versions
	test    test   // including its subtests
	reason  string // for a skipped test, part of its output
	used    bool
}

// anyPackage is the package of an exception that covers the skips of all tests.
const anyPackage = module + "/*"

// parseExceptions parses lines of columns, package and test, and reason, separated by |.
func parseExceptions(file string) (all []*exception, err error) {
	n := 0
	for line := range strings.Lines(file) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		parts := strings.Split(line, "|")
		for i := range parts {
			parts[i] = strings.TrimSpace(parts[i])
		}
		if len(parts) != 3 || parts[2] == "" {
			return nil, fmt.Errorf("matrix: exceptions.txt:%d: want columns | package test | reason", n)
		}
		pkg, name, _ := strings.Cut(parts[1], " ")
		if columns, err := parseColumns(parts[0]); err != nil || len(columns) == 0 {
			return nil, fmt.Errorf("matrix: exceptions.txt:%d: %w", n, err)
		}
		all = append(all, &exception{columns: parts[0], test: test{module + "/" + pkg, name}, reason: parts[2]})
	}
	return all, nil
}

// covers reports whether the exception allows the outcome o of t on c.
func (e *exception) covers(c *column, t test, o outcome) bool {
	skipped := o == skip && strings.Contains(strings.Join(c.results.output[t], ""), e.reason)
	if e.test.Package == anyPackage {
		return c.is(e.columns) && skipped
	}
	inside := t.Package == e.test.Package && (t.Name == e.test.Name || strings.HasPrefix(t.Name, e.test.Name+"/"))
	return c.is(e.columns) && inside && (o != skip || skipped)
}
