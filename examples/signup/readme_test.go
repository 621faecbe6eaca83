package main_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

var (
	excerpt = regexp.MustCompile("(?ms)\\(([a-z/_]+\\.go)\\)\\):\n\n```go\n(.*?)^```$")
	fence   = regexp.MustCompile("(?m)^```go$")
)

// flat is code without its indentation.
func flat(code string) string {
	var b strings.Builder
	for line := range strings.Lines(code) {
		b.WriteString(strings.TrimLeft(line, "\t"))
	}
	return b.String()
}

// The README shows code that is compiled: each block stands so in the file that is
// linked before it.
func TestTheReadmeShowsTheCodeAsItIs(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	found := excerpt.FindAllSubmatch(readme, -1)
	if want := len(fence.FindAll(readme, -1)); len(found) != want || want < 10 {
		t.Fatalf("%d of %d blocks of code follow the link to their file, want all, and 10 at least", len(found), want)
	}
	for _, m := range found {
		source, err := os.ReadFile(string(m[1]))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(flat(string(source)), flat(string(m[2]))) {
			t.Errorf("%s has no such lines:\n%s", m[1], m[2])
		}
	}
}
