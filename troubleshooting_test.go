package warren_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"regexp"
	"slices"
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

// TestDocsExplainEveryWarning finds each log line of the levels warn and error in
// docs/operations.md or docs/troubleshooting.md.
func TestDocsExplainEveryWarning(t *testing.T) {
	t.Parallel()
	root := os.DirFS(".")
	all := pages(t, root)
	text, found := all["docs/operations.md"]+all["docs/troubleshooting.md"], 0
	visit := func(name string, content []byte) {
		if top, _, _ := strings.Cut(name, "/"); strings.HasSuffix(name, "_test.go") || slices.Contains([]string{"bench", "chaos", "devbroker", "examples", "tools"}, top) {
			return
		}
		for _, line := range warnings(t, name, content) {
			if found++; !strings.Contains(text, "`"+line) {
				t.Errorf("%s logs %q, which neither docs/operations.md nor docs/troubleshooting.md explains", name, line)
			}
		}
	}
	walk(t, root, visit, ".go")
	if found < 30 {
		t.Errorf("found %d log lines of the levels warn and error: are these all?", found)
	}
}

// warnings returns the texts of the calls of Warn and Error, without texts that only begin with
// the name of a package, and get the rest from a variable.
func warnings(t *testing.T, name string, content []byte) (lines []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), name, content, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	for n := range ast.Preorder(file) {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			continue
		}
		f, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || !slices.Contains([]string{"Warn", "WarnContext", "Error", "ErrorContext"}, f.Sel.Name) {
			continue
		}
		if of, ok := f.X.(*ast.Ident); ok && of.Name == "http" {
			continue // http.Error answers a request
		}
		for _, argument := range call.Args[:min(len(call.Args), 2)] {
			if l, ok := argument.(*ast.BasicLit); ok && l.Kind == token.STRING && logLine.MatchString(l.Value) {
				lines = append(lines, strings.Trim(l.Value, `"`))
			}
		}
	}
	return lines
}

var logLine = regexp.MustCompile(`^"[a-z]+: [^"]+"$`)

// logged reports whether the code logs a line, or exports a name.
func logged(code, name string) bool {
	if strings.Contains(name, ": ") {
		line, state, _ := strings.Cut(name, "queue ") // the state of a queue is added to the line
		return strings.Contains(code, `"`+name) || state != "" && strings.Contains(code, `"`+line+`queue "`)
	}
	_, name, _ = strings.Cut(name, ".")
	return regexp.MustCompile(`(?m)^\s*(?:type |var )?` + name + `\b`).MatchString(code)
}
