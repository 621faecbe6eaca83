package topology

import "errors"

// Action is what declaring one part of a topology would do.
type Action string

// Actions of a plan.
const (
	Create   Action = "create"   // it does not exist
	Same     Action = "same"     // it exists as wanted
	Conflict Action = "conflict" // it exists with other arguments
)

// Change is one line of a plan.
type Change struct {
	Kind     string // exchange or queue
	Name     string
	Action   Action
	Conflict *ConflictError // set when Action is Conflict
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
