package warren_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
)

// withoutTrace are files whose log lines have a message_id and no trace.
var withoutTrace = []string{
	"schedule/events.go", // a tick is published without a trace
}

// TestLogLinesWithAMessageHaveItsTrace: a log's handler reads the trace from the context, so a
// line with a message_id is written with one.
func TestLogLinesWithAMessageHaveItsTrace(t *testing.T) {
	t.Parallel()
	lines := 0
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") || slices.Contains(withoutTrace, name) {
			return err
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, method := logCall(n)
			if call == nil || !slices.ContainsFunc(call.Args, isMessageID) {
				return true
			}
			if lines++; !strings.HasSuffix(method, "Context") {
				t.Errorf("%v: %s has a message_id, want %sContext with the message's trace", files.Position(call.Pos()), method, method)
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if lines < 8 {
		t.Errorf("found %d log lines with a message_id, want 8 or more: is this the root of the module?", lines)
	}
}

// logCall returns n, if it is a call such as log.Info, and the name of the method.
func logCall(n ast.Node) (call *ast.CallExpr, method string) {
	call, ok := n.(*ast.CallExpr)
	if !ok {
		return nil, ""
	}
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || !slices.Contains([]string{"Debug", "Info", "Warn", "Error"}, strings.TrimSuffix(sel.Sel.Name, "Context")) {
		return nil, ""
	}
	return call, sel.Sel.Name
}

func isMessageID(arg ast.Expr) bool {
	text, ok := arg.(*ast.BasicLit)
	return ok && text.Value == `"message_id"`
}
