package limit

import (
	"fmt"
	"maps"
	"slices"

	"github.com/warren-mq/warren/handler"
)

// Path is the limits of a handler in the order in which it takes slots. Of the limits in one
// element it takes at most one.
type Path [][]Spec

// PathOf returns the limits of a handler that is Limited, and nil of others.
func PathOf(h handler.Handler) Path {
	if l, ok := h.(Limited); ok {
		return l.Limits()
	}
	return nil
}

// Or returns the path of a handler that takes the limits of p or of other.
func (p Path) Or(other Path) Path {
	p = slices.Clone(p)
	for i, level := range other {
		if i == len(p) {
			p = append(p, nil)
		}
		p[i] = slices.Concat(p[i], level)
	}
	return p
}

// CheckOrder returns an error if a path has a limit of concurrency twice, or if two paths have limits
// of concurrency in opposite orders, so that their handlers may wait for each other's slots without
// end. A handler releases the slot of a rate as soon as it has it, so no handler waits for that.
func CheckOrder(paths []Path) error {
	later := make(map[string]map[string]bool) // the limits that are taken while one is held
	for _, path := range paths {
		for i, level := range path {
			for _, held := range level {
				if held.Rest > 0 {
					continue
				}
				if later[held.Label()] == nil {
					later[held.Label()] = make(map[string]bool)
				}
				for _, s := range slices.Concat(path[i+1:]...) {
					later[held.Label()][s.Label()] = true
				}
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(later)) {
		if err := leadsBack(later, name); err != nil {
			return err
		}
	}
	return nil
}

// leadsBack returns an error if a slot of the limit may be wanted while one is held.
func leadsBack(later map[string]map[string]bool, name string) error {
	seen, next := make(map[string]bool), []string{name}
	for len(next) > 0 {
		held := next[0]
		next = next[1:]
		if later[held][name] && held == name {
			return fmt.Errorf("limit: a handler takes two slots of %q, and may wait for itself; take one", name)
		}
		if later[held][name] {
			return fmt.Errorf("limit: handlers take %q and %q in opposite orders, and may wait for each other; use one order", name, held)
		}
		for _, other := range slices.Sorted(maps.Keys(later[held])) {
			if !seen[other] {
				seen[other] = true
				next = append(next, other)
			}
		}
	}
	return nil
}
