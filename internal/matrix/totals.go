package main

import (
	"fmt"
	"strings"
)

// total counts tests.
type total struct{ passed, failed, skipped int }

func (t *total) count(o outcome) {
	switch o {
	case pass:
		t.passed++
	case skip:
		t.skipped++
	case fail, absent:
		t.failed++
	case without:
	}
}

// String returns passed/failed/skipped, or - for a package that did not run.
func (t *total) String() string {
	if *t == (total{}) {
		return "-"
	}
	return fmt.Sprintf("%d/%d/%d", t.passed, t.failed, t.skipped)
}

// totals writes a line for each package, with passed/failed/skipped for each column, and returns
// the sum.
func (t *table) totals(b *strings.Builder, rows []test, own map[*column]map[test]bool) (sum total) {
	b.WriteString("\n")
	for len(rows) > 0 {
		pkg := rows[0].Package
		of := make(map[*column]*total)
		for _, c := range t.columns {
			of[c] = new(total)
		}
		for len(rows) > 0 && rows[0].Package == pkg {
			for _, c := range t.columns {
				if o := c.results.of(rows[0]); o == absent || own[c][rows[0]] {
					of[c].count(o)
					sum.count(o)
				}
			}
			rows = rows[1:]
		}
		t.line(b, short(pkg)+" passed/failed/skipped", func(c *column) string { return of[c].String() })
	}
	return sum
}
