package config

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

var variable = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_]*)(?:(:-|:\?)(.*))?$`)

// expand replaces the variables in text and returns their names. $$ becomes $. A $ before
// any other character than { stays.
func expand(text string, lookup func(string) (string, bool)) (expanded string, names []string, err error) {
	var b strings.Builder
	var errs []error
	for {
		before, rest, found := strings.Cut(text, "$")
		b.WriteString(before)
		switch {
		case !found:
			return b.String(), names, errors.Join(errs...)
		case strings.HasPrefix(rest, "$"):
			b.WriteByte('$')
			text = rest[1:]
			continue
		case !strings.HasPrefix(rest, "{"):
			b.WriteByte('$')
			text = rest
			continue
		}
		inner, after, closed := strings.Cut(rest[1:], "}")
		if !closed {
			return "", names, errors.Join(append(errs, errors.New("a ${ is not closed, want ${NAME}, or $$ for a $"))...)
		}
		name, value, err := evaluate(inner, lookup)
		names, errs = append(names, name), append(errs, err)
		b.WriteString(value)
		text = after
	}
}

// evaluate returns the value of the text between the braces.
func evaluate(inner string, lookup func(string) (string, bool)) (name, value string, err error) {
	m := variable.FindStringSubmatch(inner)
	if m == nil {
		return "", "", errors.New("a ${…} cannot be read, want ${NAME}, ${NAME:-default} or ${NAME:?reason}")
	}
	name = m[1]
	value, set := lookup(name)
	switch {
	case m[2] == ":-" && value == "":
		return name, m[3], nil
	case m[2] == ":?" && value == "":
		return name, "", fmt.Errorf("the variable %s is not set: %s", name, m[3])
	case !set:
		return name, "", fmt.Errorf("the variable %s is not set, want a value, or a default as in ${%s:-default}", name, name)
	}
	return name, value, nil
}
