package warren_test

import (
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
)

// linkLine is an entry of a list in llms.txt, by the format of llmstxt.org.
var linkLine = regexp.MustCompile(`^- \[[^][]+\]\([^()\s]+\)(: \S.*)?$`)

// TestLLMsTxtListsThePages checks the format of llms.txt, its links, and that it lists every page.
func TestLLMsTxtListsThePages(t *testing.T) {
	t.Parallel()
	root := os.DirFS(".")
	content, err := os.ReadFile("llms.txt")
	if err != nil {
		t.Fatal(err)
	}
	text := string(content)
	for _, fault := range badLinks(root, "llms.txt", text) {
		t.Error(fault)
	}
	if !strings.HasPrefix(text, "# Warren\n\n> ") {
		t.Errorf("llms.txt begins with %.20q, want the name and a quoted summary", text)
	}
	_, lists, _ := strings.Cut(text, "\n## ")
	for line := range strings.Lines(lists) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "-") && !linkLine.MatchString(line) {
			t.Errorf("llms.txt has %q, want - [name](link): what it is", line)
		}
	}
	for name := range pages(t, root) {
		if path.Dir(name) == "docs" && name != "docs/README.md" && !strings.Contains(text, "]("+name+")") {
			t.Errorf("llms.txt does not list %s", name)
		}
	}
}
