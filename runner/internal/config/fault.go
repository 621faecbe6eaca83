package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Fault is one fault of a configuration.
type Fault struct {
	// Place is the name of the file, of a variable (WARREN_…) or of a flag (--…).
	Place string
	// Line and Column count from 1. They are zero for variables and flags.
	Line, Column int
	// Text is what is wrong, what is wanted, and which name may have been meant.
	Text string
	// Excerpt is the line up to the end of the faulty text, with **** in place of possible
	// secrets. It is empty if there is no line. Caret is the number of characters before
	// the faulty text.
	Excerpt string
	Caret   int
}

// String returns PLACE:LINE:COLUMN: TEXT.
func (f Fault) String() string {
	if f.Line == 0 {
		return f.Place + ": " + f.Text
	}
	return fmt.Sprintf("%s:%d:%d: %s", f.Place, f.Line, f.Column, f.Text)
}

// maxFaults is the highest number of faults that are reported.
const maxFaults = 100

// Error contains all faults of a configuration, in the order of its lines.
type Error struct {
	Faults []Fault // at most 100
	More   int     // the number of further faults
}

// Error returns a line for each fault.
func (e *Error) Error() string {
	lines := make([]string, 0, len(e.Faults)+1)
	for _, f := range e.Faults {
		lines = append(lines, f.String())
	}
	if e.More > 0 {
		lines = append(lines, e.more())
	}
	return strings.Join(lines, "\n")
}

func (e *Error) more() string { return fmt.Sprintf("and %d more", e.More) }

// Verbose returns each fault with its line and a caret below the faulty text.
func (e *Error) Verbose() string {
	var b strings.Builder
	for _, f := range e.Faults {
		fmt.Fprintln(&b, f)
		if f.Excerpt == "" {
			continue
		}
		margin := fmt.Sprintf("%5d | ", f.Line)
		fmt.Fprintf(&b, "%s%s\n", margin, f.Excerpt)
		fmt.Fprintf(&b, "%s| %s^\n", strings.Repeat(" ", len(margin)-2), blank(f.Excerpt, f.Caret))
	}
	if e.More > 0 {
		fmt.Fprintln(&b, e.more())
	}
	return b.String()
}

// blank returns spaces, as wide as the first n characters of text. It keeps tabs.
func blank(text string, n int) string {
	var b strings.Builder
	for _, r := range []rune(text)[:n] {
		if r != '\t' {
			r = ' '
		}
		b.WriteRune(r)
	}
	return b.String()
}

// newError sorts the faults and removes duplicates.
func newError(faults []Fault) *Error {
	slices.SortStableFunc(faults, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Place, b.Place), cmp.Compare(a.Text, b.Text))
	})
	faults = slices.Compact(faults)
	some := faults[:min(len(faults), maxFaults)]
	return &Error{Faults: some, More: len(faults) - len(some)}
}
