package browser

import (
	_ "embed" // for axe-core
	"fmt"
	"strings"

	"github.com/chromedp/chromedp"
)

//go:embed testdata/axe/axe.min.js
var axe string

// violation is a rule of axe-core that a page breaks.
type violation struct {
	ID    string `json:"id"`
	Help  string `json:"help"`
	Nodes []struct {
		HTML    string `json:"html"`
		Summary string `json:"failureSummary"`
	} `json:"nodes"`
}

// Violations runs all rules of axe-core, except the experimental ones, on the page and returns
// the violations.
func (t *Tab) Violations() []string {
	t.tb.Helper()
	if !Eval[bool](t, "'axe' in window") {
		t.do("load axe-core", chromedp.Evaluate[chromedp.Void](axe))
	}
	found := Eval[[]violation](t, "axe.run({resultTypes: ['violations']}).then(found => found.violations)")
	texts := make([]string, len(found))
	for i, v := range found {
		lines := []string{fmt.Sprintf("%s: %s", v.ID, v.Help)}
		for _, n := range v.Nodes {
			lines = append(lines, n.HTML, n.Summary)
		}
		texts[i] = strings.Join(lines, "\n\t")
	}
	return texts
}
