package warren_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/warren-mq/warren/internal/record"
)

var (
	headerRow = regexp.MustCompile("(?m)^\\| (`.+`) \\| (\\w+) \\|")
	foreign   = regexp.MustCompile("(?m)^\\| (`.+`) \\| ")
	code      = regexp.MustCompile("`([^`]+)`")
)

// TestDocsListEveryHeader compares docs/headers.md with the headers in the code.
func TestDocsListEveryHeader(t *testing.T) {
	t.Parallel()
	page := pages(t, os.DirFS("."))["docs/headers.md"]
	own, others, ok := strings.Cut(page, "\n## Headers that others define\n")
	if !ok {
		t.Fatal("docs/headers.md has no section about the headers that others define")
	}
	var got, want, described []string
	for _, row := range headerRow.FindAllStringSubmatch(own, -1) {
		got = append(got, strings.Trim(row[1], "`")+" "+row[2])
	}
	for _, h := range record.Contract() {
		want, described = append(want, h.Name+" "+h.Type), append(described, h.Name)
	}
	same(t, "docs/headers.md and record.Contract", got, want)
	same(t, "record.Contract and the constants", described, literals(t, "internal/record/headers.go", "warren-"))

	var listed []string
	for _, row := range foreign.FindAllStringSubmatch(others, -1) {
		for _, name := range code.FindAllStringSubmatch(row[1], -1) {
			listed = append(listed, name[1])
		}
	}
	for _, file := range []string{"internal/record/copy.go", "worker/stream.go"} {
		for _, name := range literals(t, file, "x-") {
			if !slices.Contains(listed, name) {
				t.Errorf("docs/headers.md does not list %s of %s", name, file)
			}
		}
	}
}

// same compares two lists without regard to their order.
func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s differ: got\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
