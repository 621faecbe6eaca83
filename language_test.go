package warren_test

import (
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"strings"
	"testing"
)

// avoided are words and phrases that the rules of CONTRIBUTING.md replace by plain ones.
var avoided = regexp.MustCompile(`(?i)\b((nobody|whoever|for ever|tells of)\b|(that|those) of (the|a|an|its|another|each)\b)`)

// TestCommentsAndDocsAvoidRiddles checks the phrases that a search can find.
func TestCommentsAndDocsAvoidRiddles(t *testing.T) {
	t.Parallel()
	found := 0
	check := func(where, text string) {
		found++
		if phrase := avoided.FindString(text); phrase != "" {
			t.Errorf("%s has %q: repeat the noun, or name the subject", where, phrase)
		}
	}
	visit := func(name string, content []byte) {
		if name == "CONTRIBUTING.md" {
			return // it lists them
		}
		if strings.HasSuffix(name, ".md") {
			for line := range strings.Lines(string(content)) {
				check(name, line)
			}
			return
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, name, content, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Error(err)
			return
		}
		for _, c := range file.Comments {
			if strings.HasPrefix(c.Text(), "Output:") {
				continue
			}
			check(files.Position(c.Pos()).String(), c.Text())
		}
	}
	walk(t, os.DirFS("."), visit, ".go")
	walk(t, os.DirFS("."), visit, ".md")
	if found < 1000 {
		t.Errorf("found %d comments and lines: are these all?", found)
	}
}
