package warren_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// errorOwner maps folders whose errors reach users of another package to that package.
// Packages below a folder inherit its entry.
var errorOwner = map[string]string{
	"internal/amqp":   "broker",
	"internal/matrix": "matrix",
	"runner/internal": "runner",
}

// errorPrefix is a text that begins with one word and a colon, as errors of a package do.
var errorPrefix = regexp.MustCompile(`^([a-z]+): `)

func TestErrorsBeginWithTheNameOfTheirPackage(t *testing.T) {
	t.Parallel()
	found := 0
	visit := func(name string, content []byte) {
		if strings.HasSuffix(name, "_test.go") {
			return
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, name, content, parser.SkipObjectResolution)
		if err != nil {
			t.Error(err)
			return
		}
		owners := []string{file.Name.Name, errorOwnerOf(path.Dir(name)), "panic"}
		for _, text := range errorTexts(file) {
			m := errorPrefix.FindStringSubmatch(text.value)
			if m == nil {
				continue
			}
			found++
			if !slices.Contains(owners, m[1]) {
				t.Errorf("%s: the error %q begins with %s, want %s", files.Position(text.pos), text.value, m[1], owners)
			}
		}
	}
	walk(t, os.DirFS("."), visit, ".go")
	if found < 100 {
		t.Errorf("found %d errors: are these all?", found)
	}
}

func errorOwnerOf(dir string) string {
	for ; dir != "."; dir = path.Dir(dir) {
		if owner := errorOwner[dir]; owner != "" {
			return owner
		}
	}
	return ""
}

type errorText struct {
	pos   token.Pos
	value string
}

// errorTexts returns the literal texts of errors in a file: in calls of errors.New and
// fmt.Errorf, and in all calls in functions named Error or Validate.
func errorTexts(file *ast.File) (texts []errorText) {
	for _, d := range file.Decls {
		f, isFunc := d.(*ast.FuncDecl)
		isError := isFunc && (f.Name.Name == "Error" || strings.EqualFold(f.Name.Name, "validate"))
		ast.Inspect(d, func(n ast.Node) bool {
			call, isCall := n.(*ast.CallExpr)
			if !isCall || len(call.Args) == 0 || !isError && !makesError(call) {
				return true
			}
			if lit, ok := call.Args[0].(*ast.BasicLit); ok && lit.Kind == token.STRING {
				value, _ := strconv.Unquote(lit.Value) // the parser has checked it
				texts = append(texts, errorText{lit.Pos(), value})
			}
			return true
		})
	}
	return texts
}

func makesError(call *ast.CallExpr) bool {
	f, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	pkg, ok := f.X.(*ast.Ident)
	return ok && slices.Contains([]string{"errors.New", "fmt.Errorf"}, pkg.Name+"."+f.Sel.Name)
}
