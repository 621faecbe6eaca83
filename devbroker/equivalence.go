package devbroker

import (
	"fmt"

	"github.com/warren-mq/warren/devbroker/internal/wire"
)

// inequivalent is the refusal of a declaration that differs from what exists.
func inequivalent(name, subject, wanted, current string) error {
	return refuse(preconditionFailed, "inequivalent arg '%s' for %s: received %s but current is %s", name, subject, wanted, current)
}

// sameFlag refuses a declaration that differs in a property.
func sameFlag(name, subject string, current, wanted bool) error {
	if current == wanted {
		return nil
	}
	return inequivalent(name, subject, fmt.Sprintf("'%t'", wanted), fmt.Sprintf("'%t'", current))
}

// sameArguments refuses a declaration whose arguments differ from those that stand.
func sameArguments(subject string, current, wanted wire.Table, names []string) error {
	for _, name := range names {
		is, isSet := current.Get(name)
		want, wantSet := wanted.Get(name)
		switch {
		case isSet == wantSet && (!isSet || sameValue(is, want)):
			continue
		case isSet && wantSet:
			return inequivalent(name, subject, bareValue(want), bareValue(is))
		}
		return inequivalent(name, subject, typedValue(want, wantSet), typedValue(is, isSet))
	}
	return nil
}

func bareValue(v any) string {
	if v == nil {
		return "none"
	}
	return fmt.Sprintf("'%v'", v)
}

func typedValue(v any, set bool) string {
	if !set {
		return "none"
	}
	return fmt.Sprintf("the value '%v' of type '%s'", v, wire.TypeName(v))
}
