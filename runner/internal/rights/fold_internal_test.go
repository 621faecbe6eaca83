package rights

import (
	"regexp"
	"testing"
)

func TestFoldedPatternsMatchTheSameNames(t *testing.T) {
	t.Parallel()
	folded := fold([]string{`a`, `a\.b`, `a\.b\.c`, `a\.b\.d`, `a\.e(\.[a-z]+)?`, `each\.[A-Z]{2}`, `w\.x\.1`, `w\.x\.2`, `w\.y`})
	if want := `a|a\.(b|e(\.[a-z]+)?|b\.(c|d))|each\.[A-Z]{2}|w\.(x\.(1|2)|y)`; folded != want {
		t.Errorf("got %s, want %s", folded, want)
	}
	expression := regexp.MustCompile("^(" + folded + ")$")
	for name, want := range map[string]bool{
		"a": true, "a.b": true, "a.b.c": true, "a.b.d": true, "a.e": true, "a.e.parts": true, "each.AB": true, "w.x.1": true, "w.x.2": true, "w.y": true,
		"b": false, "w": false, "w.x": false, "w.x.3": false, "a.c": false, "axb": false, "each.A": false,
	} {
		if got := expression.MatchString(name); got != want {
			t.Errorf("%s matches: %v, want %v", name, got, want)
		}
	}
}
