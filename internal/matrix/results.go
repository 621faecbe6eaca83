package main

import (
	"cmp"
	"path"
	"slices"
	"strings"
)

// outcome is the result of a test, in the words of go test -json.
type outcome string

const (
	pass    outcome = "pass"
	fail    outcome = "fail"
	skip    outcome = "skip"
	absent  outcome = "none" // missing although its package ran
	without outcome = ""     // its package or its parent test ended before it
)

// event is a line of go test -json (see go doc test2json).
type event struct {
	Action     string  `json:"Action"`
	Package    string  `json:"Package"`
	ImportPath string  `json:"ImportPath"` // set instead of Package during the build
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

// above returns the parent of t: a test, or the package. A package has no parent.
func (t test) above() (test, bool) {
	i := strings.LastIndex(t.Name, "/")
	return test{t.Package, t.Name[:max(i, 0)]}, t.Name != ""
}

// results holds the results of the tests of a column.
type results struct {
	outcomes map[test]outcome
	parents  map[test]bool // tests with subtests
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
		r.outcomes[t] = without // until its result is known
		if above, ok := t.above(); ok {
			r.parents[above] = true
		}
	case "output":
		r.output[t] = append(r.output[t], e.Output)
		if t.Name != "" { // a package can abort in the middle of the output of any test
			pkg := test{Package: e.Package}
			r.output[pkg] = append(r.output[pkg], e.Output)
		}
	case "build-output":
		t.Package, _, _ = strings.Cut(e.ImportPath, " ")
		r.output[t] = append(r.output[t], e.Output)
	case "pass", "fail", "skip":
		if t.Name == "" && e.Action == "skip" { // the package has no tests
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

// own returns the tests with an outcome of their own: tests without subtests, and tests that
// failed although no subtest failed.
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

// of returns the outcome of t. A missing test is absent, unless its package did not run to its
// end or its parent was skipped.
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

// excerpt returns the output of t from its panic on, or else the end of its output.
func (r *results) excerpt(t test) string {
	lines := strings.SplitAfter(strings.Join(r.output[t], ""), "\n")
	from := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, "panic: ") })
	if from < 0 {
		from = max(0, len(lines)-excerptLines)
	}
	return strings.Join(lines[from:min(len(lines), from+excerptLines)], "")
}

const module = "github.com/warren-mq/warren"

// short returns the package's path within the module.
func short(pkg string) string {
	if pkg == module {
		return "."
	}
	return path.Clean(strings.TrimPrefix(pkg, module+"/"))
}
