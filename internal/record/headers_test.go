package record_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"strconv"
	"strings"
	"testing"

	"github.com/warren-mq/warren/internal/record"
)

// TestIsOwnListsEveryHeaderConstant reads the constants Header… of this package.
func TestIsOwnListsEveryHeaderConstant(t *testing.T) {
	t.Parallel()
	sources := func(i fs.FileInfo) bool { return !strings.HasSuffix(i.Name(), "_test.go") }
	packages, err := parser.ParseDir(token.NewFileSet(), ".", sources, 0) //nolint:staticcheck // one package, no build tags
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	ast.Inspect(packages["record"], func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, "Header") || len(spec.Values) != 1 {
			return true
		}
		text, ok := spec.Values[0].(*ast.BasicLit)
		if !ok {
			t.Fatalf("%s is not a text", spec.Names[0].Name)
		}
		name, err := strconv.Unquote(text.Value)
		if err != nil {
			t.Fatal(err)
		}
		found++
		if !record.IsOwn(name) {
			t.Errorf("IsOwn(%q) is false, want true", name)
		}
		return true
	})
	if found < 20 {
		t.Errorf("found %d constants, want all", found)
	}
	for _, name := range []string{"", "warren-", "warren-team", "Warren-Queue", "x-death", "traceparent"} {
		if record.IsOwn(name) {
			t.Errorf("IsOwn(%q) is true, want false", name)
		}
	}
}
