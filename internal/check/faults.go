// Package check collects everything that is wrong with a configuration into one error.
package check

import (
	"errors"
	"fmt"
)

// Faults collects errors. The zero value is ready; it is not safe for concurrent use.
type Faults struct {
	prefix string
	errs   []error
}

// Of returns Faults whose errors begin with prefix, such as `worker: queue "mail"`.
func Of(prefix string) *Faults { return &Faults{prefix: prefix + ": "} }

// Addf adds an error if bad is true. The text says what the value is and what it should be.
func (f *Faults) Addf(bad bool, format string, args ...any) {
	if bad {
		f.errs = append(f.errs, fmt.Errorf("%s"+format, append([]any{f.prefix}, args...)...))
	}
}

// Add adds errors that say themselves where they come from; nil ones are left out.
func (f *Faults) Add(errs ...error) { f.errs = append(f.errs, errs...) }

// Err returns all errors joined, or nil.
func (f *Faults) Err() error { return errors.Join(f.errs...) }
