package topology

import (
	"fmt"
	"slices"
)

// Mode is what a program does about a part of the topology when it connects: declare it,
// verify that it exists, or trust that it exists.
type Mode string

// Modes. The zero value means Manage, unless a field says otherwise.
const (
	// Manage declares the part. It needs the permission to configure it.
	Manage Mode = "manage"
	// Verify asks the broker by passive declarations whether exchanges and queues exist, and
	// changes nothing. AMQP cannot read arguments, types of exchanges and bindings, so Verify
	// does not compare them. If the broker refuses even the question, the name is trusted.
	Verify Mode = "verify"
	// Trust declares nothing and asks nothing. A missing queue or exchange is noticed when it
	// is used.
	Trust Mode = "trust"
)

// Manages reports whether the program declares the part.
func (m Mode) Manages() bool { return m == "" || m == Manage }

// Validate returns an error for a mode that does not exist.
func (m Mode) Validate() error {
	if m == "" || slices.Contains([]Mode{Manage, Verify, Trust}, m) {
		return nil
	}
	return fmt.Errorf("topology: the mode is %q, want %q, %q or %q", string(m), string(Manage), string(Verify), string(Trust))
}

// MissingError says that a queue or an exchange does not exist, in a program that does not
// declare it.
type MissingError struct {
	Kind string // queue or exchange
	Name string
	Err  error // the broker's error
}

// Error names the missing queue or exchange, and says what can be done.
func (e *MissingError) Error() string {
	return fmt.Sprintf("topology: %s %s does not exist, and the program does not declare it; have its owner declare it"+
		` (for the queues of Warren: "runner topology apply", or the definitions of "runner topology export"), or declare it here with the mode %q`,
		e.Kind, e.Name, string(Manage))
}

// Unwrap returns the broker's error.
func (e *MissingError) Unwrap() error { return e.Err }
