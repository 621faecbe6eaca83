package main

import (
	"cmp"
	"path"
	"slices"
	"strings"
)

// outcome is how a test ended, in the words of go test -json.
type outcome string

const (
	pass    outcome = "pass"
	fail    outcome = "fail"
	skip    outcome = "skip"
	absent  outcome = "none" // it should have been there
	without outcome = ""     // its package, or what it is a part of, did not get so far
)

// event is a line of go test -json (see go doc test2json).
type event struct {
	Action     string  `json:"Action"`
	Package    string  `json:"Package"`
	ImportPath string  `json:"ImportPath"` // instead of Package while it is built
	Test       string  `json:"Test"`
	Output     string  `json:"Output"`
	Elapsed    float64 `json:"Elapsed"` // seconds
}

func (e event) endsPackage() bool {
	return e.Test == "" && (e.Action == string(pass) || e.Action == string(fail))
}

// test names a test, or its package if Name is empty.
type test struct{ Package, Name string }

func (t test) String() string { return strings.TrimSpace(short(t.Package) + " " + t.Name) }

func (t test) compare(other test) int {
	return cmp.Or(cmp.Compare(t.Package, other.Package), cmp.Compare(t.Name, other.Name))
}

// above returns the test that t is a part of; the package has none.
func (t test) above() (test, bool) {
	i := strings.LastIndex(t.Name, "/")
	return test{t.Package, t.Name[:max(i, 0)]}, t.Name != ""
}

// results are what became of the tests of a column.
type results struct {
	outcomes map[test]outcome
	parents  map[test]bool // have parts
	output   map[test][]string
	ended    int
}

func newResults() results {
	return results{outcomes: map[test]outcome{}, parents: map[test]bool{}, output: map[test][]string{}}
}

func (r *results) add(e event) {
	t := test{e.Package, e.Test}
	switch e.Action {
	case "run":
		r.outcomes[t] = without // until it is known how it ends
		if above, ok := t.above(); ok {
			r.parents[above] = true
		}
	case "output":
		r.output[t] = append(r.output[t], e.Output)
		if t.Name != "" { // a package that breaks off does so amid the output of any test
			pkg := test{Package: e.Package}
			r.output[pkg] = append(r.output[pkg], e.Output)
		}
	case "build-output":
		t.Package, _, _ = strings.Cut(e.ImportPath, " ")
		r.output[t] = append(r.output[t], e.Output)
	case "pass", "fail", "skip":
		if t.Name == "" && e.Action == "skip" { // it has no tests
			return
		}
		r.outcomes[t] = outcome(e.Action)
		if t.Name != "" {
			r.ended++
		}
		if r.outcomes[t] == pass {
			delete(r.output, t)
		}
	}
}

func (r *results) failed() bool {
	for _, o := range r.outcomes {
		if o == fail {
			return true
		}
	}
	return false
}

// own returns the tests whose outcome is theirs alone: those without parts, and those
// that failed although none of their parts did.
func (r *results) own() map[test]bool {
	explained := make(map[test]bool)
	for t, o := range r.outcomes {
		if above, ok := t.above(); ok && o == fail {
			explained[above] = true
		}
	}
	own := make(map[test]bool)
	for t, o := range r.outcomes {
		leaf := t.Name != "" && !r.parents[t]
		if leaf && o != without || o == fail && !explained[t] {
			own[t] = true
		}
	}
	return own
}

// of returns the outcome of t. A test that is not there is absent, unless its package
// was not run to its end, or what it is a part of was skipped.
func (r *results) of(t test) outcome {
	if o, ok := r.outcomes[t]; ok {
		return o
	}
	pkg, ran := r.outcomes[test{Package: t.Package}]
	if t.Name == "" {
		return pkg
	}
	if !ran || pkg == fail {
		return without
	}
	for above, ok := t.above(); ok; above, ok = above.above() {
		if r.outcomes[above] == skip {
			return without
		}
	}
	return absent
}

// excerpt is what t has written from its panic on, or else the end of it.
func (r *results) excerpt(t test) string {
	lines := strings.SplitAfter(strings.Join(r.output[t], ""), "\n")
	from := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, "panic: ") })
	if from < 0 {
		from = max(0, len(lines)-excerptLines)
	}
	return strings.Join(lines[from:min(len(lines), from+excerptLines)], "")
}

const module = "github.com/warren-mq/warren"

// short is the package's path within the module.
func short(pkg string) string {
	if pkg == module {
		return "."
	}
	return path.Clean(strings.TrimPrefix(pkg, module+"/"))
}
