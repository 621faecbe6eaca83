package warren_test

import (
	"bytes"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

const (
	module   = "github.com/warren-mq/warren/"
	amqp     = "github.com/rabbitmq/amqp091-go"
	engine   = "internal/amqp"
	testOnly = "internal/rabbit" // imported by tests alone, and so free to import what it needs
	maxLines = 500
)

// mayImport is the law of imports: which of our folders the files of a folder may
// import. A package below a folder may also import those between it and the folder.
var mayImport = map[string][]string{
	"message":    {},
	"retry":      {"internal"},
	"handler":    {"message", "internal"},
	"checkpoint": {},
	"dedupe":     {"message"},
	"middleware": {"dedupe", "internal", "message", "handler", "retry"},
	"limit":      {"internal", "message", "handler", "retry"},
	"topology":   {"message", "internal"},
	"fleet":      {},
	"broker":     {"topology", "message", "retry", "handler", "internal"},
	"asyncapi":   {"topology", "message", "handler", "worker", "internal"},
	"deploy":     {},
	"worker":     {"checkpoint", "topology", "message", "handler", "middleware", "retry", "broker", "fleet", "internal"},
	"codec":      {"message", "handler", "retry", "internal"},
	"deadletter": {"topology", "message", "broker", "retry", "codec", "internal"},
	"outbox":     {"topology", "message", "broker", "retry", "handler", "internal"},
	"schedule":   {"topology", "message", "handler", "broker", "retry", "internal"},
	"job":        {"internal", "message", "handler", "retry", "checkpoint"},
	"console":    {"internal", "message", "topology", "retry", "broker", "codec", "deadletter", "schedule"},
	"devbroker":  {"devbroker", "internal"},
	"warrentest": {"internal", "topology", "message", "devbroker", "worker", "broker", "handler", "retry"},
}

// onlyFor names the one folder that imports a package of the engine.
var onlyFor = map[string]string{
	"internal/amqp/inspect": "deadletter",
	"internal/amqp/members": "worker",
	"internal/amqp/leader":  "schedule",
}

var (
	mayImportAll = []string{"cmd", "examples", "internal", "runner"}
	standardOnly = []string{"message", "retry", "handler", "checkpoint"} // besides ours
	standardToo  = []string{"internal/check", "internal/topic"}
)

func TestTheLawOfImportsIsKept(t *testing.T) {
	t.Parallel()
	breaches, files := inspect(t, os.DirFS("."))
	for _, b := range breaches {
		t.Error(b)
	}
	if files < 10 {
		t.Errorf("looked at %d files only: is this the root of the module?", files)
	}
}

// TestNoProductionPackageDependsOnDevbroker, directly or through others: a broker in
// memory is handed in.
func TestNoProductionPackageDependsOnDevbroker(t *testing.T) {
	t.Parallel()
	args := []string{"list", "-deps"}
	for folder := range mayImport {
		if _, err := os.Stat(folder); err == nil && folder != "devbroker" && folder != "warrentest" {
			args = append(args, "./"+folder+"/...")
		}
	}
	out, err := goTool(t, ".", args...)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for dep := range strings.Lines(out) {
		if strings.HasPrefix(dep, module+"devbroker") {
			t.Errorf("production packages depend on %s", strings.TrimSpace(dep))
		}
	}
	if !strings.Contains(out, module+"broker\n") {
		t.Errorf("the dependencies lack %sbroker:\n%s", module, out)
	}
}

// light are packages that every program links. heavy are libraries that only the packages that
// wrap them may bring in.
var (
	light = []string{"message", "retry", "handler", "broker", "dedupe", "middleware", "worker", "outbox", "schedule", "codec", "codec/seal", "codec/claim", "codec/cloudevents", "codec/celery"}
	heavy = []string{
		"github.com/klauspost/compress", "github.com/go-json-experiment/json", "github.com/santhosh-tekuri/jsonschema", "github.com/invopop/jsonschema",
		"google.golang.org/protobuf/proto", "github.com/go-playground/validator", "github.com/redis/go-redis", "github.com/failsafe-go/failsafe-go", "github.com/minio/minio-go",
	}
)

func TestLightPackagesLinkNoHeavyLibrary(t *testing.T) {
	t.Parallel()
	args := []string{"list", "-deps"}
	for _, folder := range light {
		args = append(args, "./"+folder)
	}
	out, err := goTool(t, ".", args...)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for dep := range strings.Lines(out) {
		for _, library := range heavy {
			if strings.HasPrefix(dep, library) {
				t.Errorf("%s is linked by one of %s", strings.TrimSpace(dep), light)
			}
		}
	}
}

func TestTheLawOfImportsSeesABreach(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, file, imports, want string }{
		{"a lower package imports a higher one", "broker/a.go", module + "worker", "may not import worker"},
		{"a package imports the root", "cmd/a.go", strings.TrimSuffix(module, "/"), "may not import the root"},
		{"handler imports a package of others", "handler/a.go", "example.org/x", "standard library"},
		{"handler imports the engine", "handler/a.go", module + "internal/amqp", "not internal/amqp"},
		{"handler imports the patterns", "handler/a.go", module + "internal/topic", ""},
		{"a parent imports its child", "handler/a.go", module + "handler/json", "may not import handler/json"},
		{"a child imports its sibling", "handler/a/a.go", module + "handler/b", "may not import handler/b"},
		{"worker imports the AMQP client", "worker/a.go", amqp, "only internal/amqp"},
		{"a program imports what is for tests", "cmd/runner/a.go", module + testOnly, "tests only"},
		{"a folder has no law", "util/a.go", "fmt", "no entry"},
		{"a file is too long", "cmd/a.go", strings.Repeat("\n", maxLines), "lines"},
		{"a child imports its parent", "handler/json/a.go", module + "handler", ""},
		{"a child imports what its parent may", "middleware/cache/a.go", module + "handler/json", ""},
		{"a child of handler imports a package of others", "handler/proto/a.go", "example.org/x", ""},
		{"a program looks into queues by itself", "cmd/runner/a.go", module + "internal/amqp/inspect", "only deadletter"},
		{"the engine imports the AMQP client", "internal/amqp/a.go", amqp, ""},
		{"a part of the engine imports the AMQP client", "internal/amqp/leader/a.go", amqp, ""},
		{"a test imports what is for tests", "broker/a_test.go", module + testOnly, ""},
		{"another module does as it likes", "bench/a.go", module + "worker", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			source := "package a\n\nimport " + strconv.Quote(tt.imports) + "\n"
			if tt.want == "lines" {
				source = "package a\n" + tt.imports
			}
			breaches, _ := inspect(t, fstest.MapFS{
				"bench/go.mod": {Data: []byte("module bench\n")},
				tt.file:        {Data: []byte(source)},
			})
			if got := strings.Join(breaches, "\n"); (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// inspect returns the breaches in the module at root, tests and other modules left
// out, and how many files it looked at.
func inspect(t *testing.T, root fs.FS) (breaches []string, files int) {
	t.Helper()
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			return skip(root, name)
		case path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		files++
		source, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		if n := bytes.Count(source, []byte("\n")); n > maxLines {
			breaches = append(breaches, fmt.Sprintf("%s: %d lines, want %d at most", name, n, maxLines))
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, source, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			imported, _ := strconv.Unquote(spec.Path.Value) // the parser has checked it
			if why := breach(path.Dir(name), imported); why != "" {
				breaches = append(breaches, name+": "+why)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return breaches, files
}

// skip leaves out hidden folders, test data and modules of their own.
func skip(root fs.FS, dir string) error {
	if dir == "." {
		return nil
	}
	_, err := fs.Stat(root, dir+"/go.mod")
	if err == nil || strings.HasPrefix(path.Base(dir), ".") || path.Base(dir) == "testdata" {
		return fs.SkipDir
	}
	return nil
}

// breach says which law is broken if package pkg imports imported, or returns "".
func breach(pkg, imported string) string {
	top := folder(pkg)
	allowed, known := mayImport[top]
	ours, isOurs := strings.CutPrefix(imported, module)
	switch {
	case pkg == testOnly:
		return ""
	case !known && !slices.Contains(mayImportAll, top):
		return fmt.Sprintf("folder %q has no entry in the law of imports", top)
	case ours == testOnly:
		return ours + " is for tests only"
	case imported == amqp && pkg != engine && !strings.HasPrefix(pkg, engine+"/"):
		return "only " + engine + " may import " + amqp
	case onlyFor[ours] != "" && top != onlyFor[ours] && !strings.HasPrefix(pkg, "internal/"):
		return "only " + onlyFor[ours] + " may import " + ours
	case slices.Contains(standardOnly, pkg) && folder(ours) == "internal" && !slices.Contains(standardToo, ours):
		return fmt.Sprintf("%s may import what needs the standard library alone, not %s", pkg, ours)
	case imported+"/" == module:
		return pkg + " may not import the root"
	case !isOurs && slices.Contains(standardOnly, pkg) && strings.Contains(folder(imported), "."):
		return fmt.Sprintf("%s may import the standard library and ours, not %s", pkg, imported)
	case !isOurs || !known || slices.Contains(allowed, folder(ours)) || strings.HasPrefix(pkg, ours+"/"):
		return ""
	}
	return pkg + " may not import " + ours
}

// folder returns the first element of a path.
func folder(p string) string {
	first, _, _ := strings.Cut(p, "/")
	return first
}

var (
	importRow = regexp.MustCompile("(?m)^\\| `([a-z]+)` \\| ([^|]*) \\|")
	ticked    = regexp.MustCompile("`([a-z/]+)`")
)

// TestTheArchitectureListsTheImports compares the table of docs/architecture.md with mayImport.
func TestTheArchitectureListsTheImports(t *testing.T) {
	t.Parallel()
	rows := importRow.FindAllStringSubmatch(pages(t, os.DirFS("."))["docs/architecture.md"], -1)
	for _, row := range rows {
		allowed, ok := mayImport[row[1]]
		if !ok {
			continue // runner, which may import all
		}
		var want, listed []string
		for _, folder := range allowed {
			if folder != "internal" && folder != row[1] {
				want = append(want, folder)
			}
		}
		for _, m := range ticked.FindAllStringSubmatch(row[2], -1) {
			listed = append(listed, m[1])
		}
		same(t, "what "+row[1]+" may import, in docs/architecture.md and in mayImport", listed, want)
	}
	if len(rows) < 15 {
		t.Errorf("docs/architecture.md has %d rows of packages: is this the table?", len(rows))
	}
}
