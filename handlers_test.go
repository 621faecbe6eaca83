package warren_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"net/http"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// programName is a variable or a header that a program gets from the runner.
var programName = regexp.MustCompile(`^(WARREN_[A-Z_]*[A-Z]|Warren-[A-Za-z-]*[a-z])$`)

// TestTheReferenceOfHandlersIsComplete compares docs/reference/handlers.md with the variables,
// headers and fields of package job.
func TestTheReferenceOfHandlersIsComplete(t *testing.T) {
	t.Parallel()
	page := pages(t, os.DirFS("."))["docs/reference/handlers.md"]
	var shown []string
	for _, m := range code.FindAllStringSubmatch(fenced.ReplaceAllString(page, ""), -1) {
		if programName.MatchString(m[1]) {
			shown = append(shown, m[1])
		}
	}
	same(t, "the names in docs/reference/handlers.md and in package job", unique(shown), programNames(t))
	same(t, "the request in docs/reference/handlers.md and in package job", slices.Collect(maps.Keys(requestOn(t, page))), slices.Concat(tags(t, "request"), tags(t, "properties")))
	for _, field := range slices.Concat(tags(t, "answer"), tags(t, "report"), tags(t, "note")) {
		if !strings.Contains(page, "`"+field+"`") && !strings.Contains(page, `"`+field+`":`) {
			t.Errorf("docs/reference/handlers.md does not describe the field %q of an answer", field)
		}
	}
}

// programNames returns the variables and headers that package job sets or reads.
func programNames(t *testing.T) []string {
	t.Helper()
	names := []string{"WARREN_HEADER_X_TENANT", "Warren-Header-X-Tenant"} // examples of names that depend on the message
	for _, property := range stringsIn(t, "job/metadata.go", "metadata") {
		names = append(names, "WARREN_"+strings.ToUpper(strings.ReplaceAll(property, "-", "_")))
		if !strings.HasPrefix(property, "content-") { // HTTP has the same headers
			names = append(names, header(property))
		}
	}
	walk(t, os.DirFS("job"), func(name string, content []byte) {
		if strings.Contains(name, "/") || strings.HasSuffix(name, "_test.go") {
			return
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, content, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range literalsOf(file) {
			if s = strings.TrimSuffix(s, "="); programName.MatchString(s) {
				names = append(names, s)
			}
		}
	}, ".go")
	return unique(names)
}

func unique(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}

// header returns the header for a property such as message-id.
func header(property string) string {
	return http.CanonicalHeaderKey("warren-" + property)
}

// requestOn returns the request that the page shows.
func requestOn(t *testing.T, page string) (request map[string]any) {
	t.Helper()
	for _, b := range blocks("docs/reference/handlers.md", page) {
		if b.info == "json" {
			if err := json.Unmarshal([]byte(b.code), &request); err != nil {
				t.Errorf("%s: %v", b, err)
			}
		}
	}
	return request
}

// stringsIn returns the string literals of a function.
func stringsIn(t *testing.T, file, function string) (all []string) {
	t.Helper()
	for _, d := range parseFile(t, file).Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Name.Name == function {
			all = literalsOf(f)
		}
	}
	if len(all) == 0 {
		t.Errorf("%s: function %s has no strings: has it moved?", file, function)
	}
	return all
}

func literalsOf(n ast.Node) (all []string) {
	for n := range ast.Preorder(n) {
		if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
			if s, err := strconv.Unquote(l.Value); err == nil && s != "" {
				all = append(all, s)
			}
		}
	}
	return all
}

// tags returns the names in JSON of the fields of a struct of package job.
func tags(t *testing.T, name string) (all []string) {
	t.Helper()
	for _, file := range []string{"job/protocol.go", "job/checkpoints.go"} {
		for n := range ast.Preorder(parseFile(t, file)) {
			if spec, ok := n.(*ast.TypeSpec); ok && spec.Name.Name == name {
				all = append(all, tagsOf(spec)...)
			}
		}
	}
	if len(all) == 0 {
		t.Errorf("package job has no struct %s with names in JSON: has it moved?", name)
	}
	return all
}

func tagsOf(spec *ast.TypeSpec) (all []string) {
	kind, ok := spec.Type.(*ast.StructType)
	if !ok {
		return nil
	}
	for _, field := range kind.Fields.List {
		if field.Tag == nil {
			continue
		}
		tag, _, _ := strings.Cut(reflect.StructTag(strings.Trim(field.Tag.Value, "`")).Get("json"), ",")
		all = append(all, tag)
	}
	return all
}
