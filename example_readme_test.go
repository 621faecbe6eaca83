package warren_test

import (
	"fmt"
	"go/format"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// maxProgram is how many lines a program of the README may have: all but blank ones
// and comments, the imports included.
const maxProgram = 30

// block is a fenced piece of code in a page.
type block struct {
	page string
	line int    // of its first line
	info string // what follows the fence: go, "go fragment" or "go test"
	code string
}

func (b block) String() string { return fmt.Sprintf("%s:%d", b.page, b.line) }

func (b block) isProgram() bool { return strings.HasPrefix(b.code, "package main\n") }

// lines counts those that are neither blank nor comments.
func (b block) lines() (n int) {
	for line := range strings.Lines(b.code) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") {
			n++
		}
	}
	return n
}

var (
	fenced   = regexp.MustCompile("(?ms)^```([^\n]*)\n(.*?)^```$")
	selector = regexp.MustCompile(`\b([a-z]\w*)\.[A-Z]`)
)

func blocks(page, text string) (all []block) {
	for _, at := range fenced.FindAllStringSubmatchIndex(text, -1) {
		all = append(all, block{page, 1 + strings.Count(text[:at[4]], "\n"), text[at[2]:at[3]], text[at[4]:at[5]]})
	}
	return all
}

// TestDocsCodeCompiles builds and vets every program and declaration of the README and
// of docs/. Blocks that are marked "go page" share a package with the others of their page.
// What cannot stand alone is marked as a fragment, and must be formatted.
func TestDocsCodeCompiles(t *testing.T) {
	t.Parallel()
	var whole []block
	for name, text := range pages(t, os.DirFS(".")) {
		if name != "README.md" && !strings.HasPrefix(name, "docs/") {
			continue
		}
		shared := block{page: name, line: 1}
		for _, b := range blocks(name, text) {
			if !strings.HasPrefix(b.info, "go") {
				continue
			}
			if formatted, err := format.Source([]byte(b.code)); err != nil || string(formatted) != b.code {
				t.Errorf("%s: not as gofmt has it: %v", b, err)
			}
			switch b.info {
			case "go":
				whole = append(whole, b)
			case "go page":
				shared.code += fmt.Sprintf("//line %s\n%s", b, b.code)
			}
		}
		if shared.code != "" {
			whole = append(whole, shared)
		}
	}
	if len(whole) < 3 {
		t.Fatalf("%d blocks of Go to compile, want the programs of the README at least", len(whole))
	}
	if _, out, err := vet(t, whole); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestReadmeProgramsAreShort(t *testing.T) {
	t.Parallel()
	programs := 0
	for _, b := range blocks("README.md", pages(t, os.DirFS("."))["README.md"]) {
		if !b.isProgram() {
			continue
		}
		programs++
		if n := b.lines(); n > maxProgram {
			t.Errorf("%s: the program has %d lines, want at most %d", b, n, maxProgram)
		}
	}
	if programs == 0 {
		t.Error("the README has no program")
	}
}

// vet compiles and vets the blocks as commands of a module that requires this one, as a user's does,
// without linking them. Nothing is fetched: it needs what this one needs.
func vet(t *testing.T, all []block) (dir, out string, err error) {
	t.Helper()
	dir = userModule(t)
	for i, b := range all {
		command := filepath.Join(dir, strconv.Itoa(i))
		if err := os.Mkdir(command, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(command, "main.go"), []byte(b.source()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err = goTool(t, dir, "vet", "./...")
	return dir, out, err
}

// build builds the blocks in the folder dir/bin.
func build(t *testing.T, all []block) (dir, out string, err error) {
	t.Helper()
	if dir, out, err = vet(t, all); err == nil {
		out, err = goTool(t, dir, "build", "-o", "bin/", "./...")
	}
	return dir, out, err
}

func goTool(t *testing.T, dir string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "PWD="+dir, "GOPROXY=off", "GOFLAGS=-mod=readonly", "GOWORK=off")
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("go %s: %w", args[0], err)
	}
	return string(out), err
}

// TestDocsTestsPass runs the tests of docs/testing.md, which share one package.
func TestDocsTestsPass(t *testing.T) {
	t.Parallel()
	var all strings.Builder
	for _, b := range blocks("docs/testing.md", pages(t, os.DirFS("."))["docs/testing.md"]) {
		if b.info == "go test" {
			fmt.Fprintf(&all, "//line %s\n%s", b, b.code)
		}
	}
	dir, tests := userModule(t), block{page: "docs/testing.md", line: 1, code: all.String()}
	if err := os.WriteFile(filepath.Join(dir, "docs_test.go"), []byte(tests.source()), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := goTool(t, dir, "test", "-v", "-count=1", ".")
	if err != nil || !strings.Contains(out, "--- PASS: ") {
		t.Errorf("%v\n%s", err, out)
	}
}

// userModule makes the module in a folder of its own, which it returns.
func userModule(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	root, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	ours := strings.TrimSuffix(module, "/")
	for _, name := range []string{"go.mod", "go.sum"} {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		text := string(content)
		if name == "go.mod" {
			text = strings.Replace(text, "module "+ours+"\n", "module docs.example\n", 1)
			text += fmt.Sprintf("\nrequire %s v0.0.0\nreplace %[1]s => %s\n", ours, strconv.Quote(root))
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// source is the block as a file; its faults are reported where they stand in the page.
func (b block) source() string {
	position := fmt.Sprintf("//line %s:%d\n", b.page, b.line)
	if b.isProgram() {
		return position + b.code
	}
	var imports strings.Builder
	for _, p := range importable {
		for _, used := range selector.FindAllStringSubmatch(b.code, -1) {
			if used[1] == path.Base(strings.TrimSuffix(p, "/v2")) {
				fmt.Fprintf(&imports, "import %q\n", p)
				break
			}
		}
	}
	return "package main\n" + imports.String() + "func main() {}\n" + position + b.code
}

// importable are the packages that declarations in the docs may use.
var importable = []string{
	"context", "crypto/tls", "database/sql", "errors", "log/slog", "net/http", "slices", "strings", "testing", "testing/synctest", "time",
	module + "broker", module + "checkpoint", module + "deadletter", module + "dedupe", module + "devbroker", module + "handler", module + "message", module + "middleware", module + "middleware/adaptive",
	module + "codec", module + "codec/claim", module + "codec/claim/s3store", module + "codec/cloudevents", module + "codec/jsonschema", module + "codec/seal", module + "codec/zstd",
	module + "asyncapi", module + "codec/celery",
	module + "outbox", module + "retry", module + "topology", module + "warrentest", module + "worker",
	module + "fleet", module + "limit", module + "schedule", "github.com/sony/gobreaker/v2",
}
