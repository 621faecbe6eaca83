package warren_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
)

// TestEveryFunctionIsInAnExample looks for the exported functions of the packages that a
// program may import in the Examples of the same package.
func TestEveryFunctionIsInAnExample(t *testing.T) {
	t.Parallel()
	notForUsers := []string{"broker.PublisherOver"} // its argument is a type of an internal package
	forTools := []string{"internal", "topology", "console", "deploy"}
	functions, shown := make(map[string]bool), make(map[string]bool)
	visit := func(name string, content []byte) {
		pkg := path.Dir(name)
		top, _, _ := strings.Cut(pkg, "/")
		isTool := slices.Contains(forTools, top) || strings.Contains(pkg, "/internal") || strings.HasSuffix(pkg, "test") && pkg != "warrentest"
		if _, ours := mayImport[top]; !ours || isTool {
			return
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, content, parser.SkipObjectResolution)
		if err != nil {
			t.Error(err)
			return
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			switch {
			case ok && f.Recv == nil && f.Name.IsExported() && !strings.HasSuffix(name, "_test.go"):
				functions[pkg+"."+f.Name.Name] = true
			case path.Base(name) == "example_test.go", ok && strings.HasPrefix(f.Name.Name, "Example"):
				for _, called := range selected(d) {
					shown[pkg+"."+called] = true
				}
			}
		}
	}
	walk(t, os.DirFS("."), visit, ".go")
	for f := range functions {
		if !shown[f] && !slices.Contains(notForUsers, f) {
			t.Errorf("no Example calls %s", f)
		}
	}
	if len(functions) < 40 {
		t.Errorf("found %d functions: are these all?", len(functions))
	}
}

// selected returns the names after a dot in n, such as the names of called functions.
func selected(n ast.Node) (names []string) {
	ast.Inspect(n, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			names = append(names, s.Sel.Name)
		}
		return true
	})
	return names
}
