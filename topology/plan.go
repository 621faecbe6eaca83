package topology

import (
	"errors"
	"fmt"
	"strings"
)

// Action is what declaring one part of a topology would do.
type Action string

// Actions of a plan.
const (
	Create   Action = "create"   // it does not exist
	Same     Action = "same"     // it exists as wanted
	Conflict Action = "conflict" // it exists with other arguments
	// Unchecked means that the user lacks a permission to find out. RabbitMQ compares the
	// arguments of a queue or an exchange only for users who may configure it.
	Unchecked Action = "unchecked"
)

// Change is one line of a plan.
type Change struct {
	Kind     string // exchange or queue
	Name     string
	Action   Action
	Conflict *ConflictError // set when Action is Conflict
	Err      error          // what the broker refused, when Action is Unchecked
}

// Conflicts joins the conflicts among changes. It returns nil if there are none.
func Conflicts(changes []Change) error {
	var errs []error
	for _, c := range changes {
		if c.Conflict != nil {
			errs = append(errs, c.Conflict)
		}
	}
	return errors.Join(errs...)
}

// ConflictError says that a queue or an exchange exists with other properties than wanted.
// The broker never changes an existing queue or exchange.
type ConflictError struct {
	Kind     string // queue or exchange
	Name     string
	Argument string // what differs, such as x-max-priority, type or durable
	Current  string // "none" if it is not set, Unknown if the broker does not say it
	Wanted   string
	Err      error // the broker's error
}

// Unknown is a value in a ConflictError that does not fit into the broker's answer, because the
// name of the queue or exchange is long.
const Unknown = "another value"

// Error names the argument that differs, gives both values, and says what can be done.
func (e *ConflictError) Error() string {
	text := fmt.Sprintf("topology: %s %s: %s is %s, wanted %s; ", e.Kind, e.Name, e.Argument, e.Current, e.Wanted)
	if e.Kind != "queue" || !strings.HasPrefix(e.Argument, "x-") {
		return text + fmt.Sprintf("use the %s as it is with the mode %q, or %s, or use another name", e.Kind, string(Verify), e.remedy())
	}
	return text + fmt.Sprintf("use the queue as it is with the mode %q, or %s, or %s, or use another name", string(Verify), e.adopt(), e.remedy())
}

// adopt says how to declare the argument as it is.
func (e *ConflictError) adopt() string {
	leave := fmt.Sprintf("leave %s out with the value nil (null in YAML) in Arguments", e.Argument)
	set := fmt.Sprintf("set %s to %s in Arguments", e.Argument, e.Current)
	switch e.Current {
	case "none":
		return leave
	case Unknown:
		return fmt.Sprintf("give %s the same value in Arguments, or %s", e.Argument, leave)
	}
	return set
}

// remedy returns how to replace the queue or the exchange.
func (e *ConflictError) remedy() string {
	switch {
	case e.Kind != "queue":
		return "delete the " + e.Kind
	case e.Argument == "x-queue-type" && (e.Wanted == Quorum || e.Wanted == Classic):
		return fmt.Sprintf("replace the queue by \"runner topology migrate %s --to %s\"", e.Name, e.Wanted)
	}
	return fmt.Sprintf("replace the queue by \"runner topology migrate %s --to arguments\"", e.Name)
}

// Unwrap returns the broker's error.
func (e *ConflictError) Unwrap() error { return e.Err }

// DeclarationError says that the broker refuses to declare a queue or an exchange: the user
// lacks a permission, an argument is not allowed, or the type of an exchange needs a plugin
// that is not enabled. Trying again does not help.
type DeclarationError struct {
	Kind string // queue or exchange
	Name string
	Err  error // the broker's error
}

// Error names the refused queue or exchange and gives the broker's error.
func (e *DeclarationError) Error() string {
	return fmt.Sprintf("topology: declare %s %s: the broker refuses: %v", e.Kind, e.Name, e.Err)
}

// Unwrap returns the broker's error.
func (e *DeclarationError) Unwrap() error { return e.Err }
