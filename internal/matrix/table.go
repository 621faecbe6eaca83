package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

const (
	everyRow     = "devbroker/conformance" // the package whose tests always have a row
	excerptLines = 30                      // of the output of a failed test
)

// table compares the results of all columns.
type table struct {
	columns []*column
	listed  []*exception
	whole   bool // all tests ran, so an unused exception is a fault
}

// text returns the table, its faults and a summary line, and reports whether there are no faults.
func (t *table) text() (text string, ok bool) {
	var b strings.Builder
	own := make(map[*column]map[test]bool)
	all := make(map[test]bool)
	for _, c := range t.columns {
		own[c] = c.results.own()
		maps.Copy(all, own[c])
	}
	rows := slices.SortedFunc(maps.Keys(all), test.compare)
	faults := t.tests(&b, rows)
	sum := t.totals(&b, rows, own)
	for _, c := range t.columns {
		if c.fault != "" {
			faults = append(faults, c.name()+" "+c.fault)
		}
	}
	faults = append(faults, t.stale()...)
	for _, f := range faults {
		fmt.Fprintf(&b, "\n%s\n", f)
	}
	verdict := "ok"
	if len(faults) > 0 {
		verdict = "FAIL"
	}
	fmt.Fprintf(&b, "\n%s: %d passed, %d failed, %d skipped\n", verdict, sum.passed, sum.failed, sum.skipped)
	return b.String(), len(faults) == 0
}

// tests writes a line for each test that did not pass everywhere, and returns the faults that no
// exception covers.
func (t *table) tests(b *strings.Builder, rows []test) (faults []string) {
	t.line(b, "", func(c *column) string { return c.kind })
	t.line(b, "", func(c *column) string { return c.version })
	for _, row := range rows {
		wrong, shown := t.judge(row)
		faults = append(faults, wrong...)
		if shown || short(row.Package) == everyRow {
			t.line(b, row.String(), func(c *column) string { return string(c.results.of(row)) })
		}
	}
	return faults
}

func (t *table) line(b *strings.Builder, title string, cell func(*column) string) {
	for _, c := range t.columns {
		fmt.Fprintf(b, "%-11s", cell(c))
	}
	b.WriteString(title + "\n")
}

// judge returns the faults of a row, and reports whether to show it.
func (t *table) judge(row test) (wrong []string, shown bool) {
	for _, c := range t.columns {
		o := c.results.of(row)
		if o == pass || o == without {
			continue
		}
		shown = true
		if !t.excused(c, row, o) {
			wrong = append(wrong, fmt.Sprintf("%s: %s: %s\n%s", c.name(), row, o, c.results.excerpt(row)))
		}
	}
	return wrong, shown
}

func (t *table) excused(c *column, row test, o outcome) bool {
	for _, e := range t.listed {
		if e.covers(c, row, o) {
			e.used = true
			return true
		}
	}
	return false
}

// stale returns the unused exceptions of packages that ran.
func (t *table) stale() (all []string) {
	for _, e := range t.listed {
		ran := slices.ContainsFunc(t.columns, func(c *column) bool {
			return c.is(e.columns) && c.fault == "" && c.results.of(test{Package: e.test.Package}) != without
		})
		if t.whole && ran && !e.used {
			all = append(all, fmt.Sprintf("exceptions.txt: unused exception for %s on %s: delete its line", e.test, e.columns))
		}
	}
	return all
}
