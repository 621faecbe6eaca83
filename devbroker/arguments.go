package devbroker

import (
	"fmt"
	"slices"

	"github.com/warren-mq/warren/devbroker/internal/wire"
)

// arguments reads the arguments of a declaration and remembers the first fault.
type arguments struct {
	table   wire.Table
	subject string // such as queue 'q' in vhost '/'
	err     error
}

func (a *arguments) fail(format string, args ...any) {
	a.failWith(refuse(preconditionFailed, format, args...))
}

func (a *arguments) failWith(err error) {
	if a.err == nil {
		a.err = err
	}
}

func (a *arguments) invalid(name, why string) {
	a.fail("invalid arg '%s' for %s: %s", name, a.subject, why)
}

// number reads an integer from low to high, or returns missing.
func (a *arguments) number(name string, missing, low, high int64) int64 {
	value, ok := a.table.Get(name)
	if !ok {
		return missing
	}
	n, ok := asInt(value)
	switch {
	case !ok:
		a.invalid(name, "{unacceptable_type,"+wire.TypeName(value)+"}")
	case n < 0 && low >= 0:
		a.invalid(name, fmt.Sprintf("{value_negative,%d}", n))
	case n < low:
		a.invalid(name, fmt.Sprintf("{value_zero,%d}", n))
	case n > high:
		a.invalid(name, fmt.Sprintf("{max_value_exceeded,%d}", n))
	}
	return n
}

// text reads a string.
func (a *arguments) text(name string) (string, bool) {
	value, ok := a.table.Get(name)
	if !ok {
		return "", false
	}
	s, ok := value.(string)
	if !ok {
		a.invalid(name, "{unacceptable_type,"+wire.TypeName(value)+"}")
	}
	return s, true
}

// oneOf reads a string that must be one of some; the first if there is none.
func (a *arguments) oneOf(name string, known ...string) string {
	s, ok := a.text(name)
	if !ok {
		return known[0]
	}
	if !slices.Contains(known, s) {
		a.invalid(name, "invalid_"+name[2:])
	}
	return s
}

func (a *arguments) flag(name string) bool {
	value, ok := a.table.Get(name)
	if !ok {
		return false
	}
	b, ok := value.(bool)
	if !ok {
		a.invalid(name, "{unacceptable_type,"+wire.TypeName(value)+"}")
	}
	return b
}

// require refuses name without other.
func (a *arguments) require(name, other string) {
	if _, ok := a.table.Get(other); !ok {
		a.invalid(name, "routing_key_but_no_dlx_defined")
	}
}

// inequivalent is the refusal of a declaration that differs from what exists.
func inequivalent(name, subject, wanted, current string) error {
	return refuse(preconditionFailed, "inequivalent arg '%s' for %s: received %s but current is %s", name, subject, wanted, current)
}

// valueText shows an argument in such a refusal.
func valueText(value any, there bool) string {
	if !there {
		return "none"
	}
	return fmt.Sprintf("the value '%v' of type '%s'", value, wire.TypeName(value))
}
