package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Fault is one thing that is wrong.
type Fault struct {
	// Place is where: the name of the file, WARREN_… for a variable, or --… for a flag.
	Place string
	// Line and Column count from 1; zero where there are none.
	Line, Column int
	// Text says what is wrong, what is wanted, and what may have been meant.
	Text string
	// Excerpt is the line up to what is wrong, with what may be secret as ****; empty
	// where there is none. Caret is how many characters of it stand before that.
	Excerpt string
	Caret   int
}

// String is PLACE:LINE:COLUMN: TEXT.
func (f Fault) String() string {
	if f.Line == 0 {
		return f.Place + ": " + f.Text
	}
	return fmt.Sprintf("%s:%d:%d: %s", f.Place, f.Line, f.Column, f.Text)
}

// maxFaults is how many a person would read.
const maxFaults = 100

// Error is everything that is wrong with a configuration, in the order of its lines.
type Error struct {
	Faults []Fault // at most 100
	More   int     // how many there are besides
}

// Error has a line for each fault.
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

// Verbose shows for each fault the line it is in as well, with a caret below it.
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

// blank is as wide as the first n characters of text.
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

// newError sorts the faults, and has each said once.
func newError(faults []Fault) *Error {
	slices.SortStableFunc(faults, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Place, b.Place), cmp.Compare(a.Text, b.Text))
	})
	faults = slices.Compact(faults)
	some := faults[:min(len(faults), maxFaults)]
	return &Error{Faults: some, More: len(faults) - len(some)}
}
