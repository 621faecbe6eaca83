// Package panics turns panics of functions that users pass to Warren into errors.
package panics

import (
	"fmt"
	"runtime/debug"
)

// Error is a panic.
type Error struct {
	Value any
	Stack string
}

// Error returns the value of the panic, without the stack.
func (e *Error) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Catch calls f. It returns its panic, or nil.
func Catch(f func()) (caught *Error) {
	defer func() {
		if v := recover(); v != nil {
			caught = &Error{v, string(debug.Stack())}
		}
	}()
	f()
	return nil
}
