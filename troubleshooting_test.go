package warren_test

import (
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"
)

// quoted is a log line or an error in the first column of a table.
var quoted = regexp.MustCompile("(?m)^\\| `([a-z]+: [^`]+|[a-z]+\\.[A-Z]\\w+)`(?:, `([a-z]+\\.[A-Z]\\w+)`)?")

// TestTroubleshootingNamesLinesThatAreLogged finds each log line and each error of
// docs/troubleshooting.md in the code.
func TestTroubleshootingNamesLinesThatAreLogged(t *testing.T) {
	t.Parallel()
	var code strings.Builder
	root := os.DirFS(".")
	walk(t, root, func(name string, content []byte) {
		if !strings.HasSuffix(name, "_test.go") {
			code.Write(content)
		}
	}, ".go")
	text, err := fs.ReadFile(root, "docs/troubleshooting.md")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, m := range quoted.FindAllStringSubmatch(string(text), -1) {
		for _, name := range m[1:] {
			if name == "" {
				continue
			}
			found++
			if !logged(code.String(), name) {
				t.Errorf("docs/troubleshooting.md names %q, which the code does not have", name)
			}
		}
	}
	if found < 20 {
		t.Errorf("found %d log lines and errors in docs/troubleshooting.md, want more", found)
	}
}

// logged reports whether the code logs a line, or exports a name.
func logged(code, name string) bool {
	if strings.Contains(name, ": ") {
		line, state, _ := strings.Cut(name, "queue ") // the state of a queue is added to the line
		return strings.Contains(code, `"`+name) || state != "" && strings.Contains(code, `"`+line+`queue "`)
	}
	_, name, _ = strings.Cut(name, ".")
	return regexp.MustCompile(`(?m)^\s*(?:type |var )?` + name + `\b`).MatchString(code)
}
