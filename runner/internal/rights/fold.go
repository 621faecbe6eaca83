package rights

import (
	"slices"
	"strings"
)

// readable is how long an expression may be before its alternatives are folded: RabbitMQ 4.3 refuses
// long ones.
const readable = 800

// anyOf returns a regular expression that matches one of the patterns.
func anyOf(patterns []string) string {
	slices.Sort(patterns)
	patterns = slices.Compact(patterns)
	if all := strings.Join(patterns, "|"); len(all) <= readable {
		return all
	}
	return fold(patterns)
}

// fold joins the patterns, and writes the parts of names before a dot that several of them begin
// with once: a\.(b|c) for a\.b and a\.c.
func fold(patterns []string) string {
	groups, order := make(map[string][]string), []string{}
	for _, p := range patterns {
		head := head(p)
		if groups[head] == nil {
			order = append(order, head)
		}
		groups[head] = append(groups[head], p[len(head):])
	}
	all := make([]string, 0, len(patterns))
	for _, head := range order {
		rest := groups[head]
		switch {
		case head != "" && len(rest) > 1:
			all = append(all, head+"("+fold(rest)+")")
		default:
			for _, r := range rest {
				all = append(all, head+r)
			}
		}
	}
	return strings.Join(all, "|")
}

// head returns the part of a pattern up to its first dot, or "" if a group or a set is before.
func head(pattern string) string {
	before, _, found := strings.Cut(pattern, `\.`)
	if !found || strings.ContainsAny(before, "([") {
		return ""
	}
	return before + `\.`
}
