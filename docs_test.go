package warren_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/worker"
)

var (
	link     = regexp.MustCompile(`\[([^][]*)\]\(([^()\s]+)\)`)
	heading  = regexp.MustCompile(`(?m)^#+ (.*)$`)
	unslug   = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	testName = regexp.MustCompile(`\b(?:Test|Benchmark|Fuzz|Example)[A-Z]\w*`)
)

// pages returns the Markdown files below root by name, hidden folders left out.
func pages(t *testing.T, root fs.FS) map[string]string {
	t.Helper()
	found := make(map[string]string)
	walk(t, root, func(name string, content []byte) { found[name] = string(content) }, ".md")
	for _, name := range []string{"README.md", "CHANGELOG.md", "CONTRIBUTING.md", "docs/architecture.md", "docs/delivery.md", "docs/operations.md", "docs/testing.md"} {
		if found[name] == "" {
			t.Errorf("%s is missing", name)
		}
	}
	return found
}

func walk(t *testing.T, root fs.FS, visit func(name string, content []byte), suffix string) {
	t.Helper()
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata"):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, suffix):
			return nil
		}
		content, err := fs.ReadFile(root, name)
		visit(name, content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestDocsLinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	root := os.DirFS(".")
	for name, text := range pages(t, root) {
		for _, fault := range badLinks(root, name, text) {
			t.Error(fault)
		}
	}
}

// badLinks returns the links of a page to files, headings and tests that are not there.
func badLinks(root fs.FS, name, text string) (faults []string) {
	for _, m := range link.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
		if strings.Contains(m[2], "://") {
			continue
		}
		file, anchor, _ := strings.Cut(m[2], "#")
		target := path.Join(path.Dir(name), file)
		if file == "" {
			target = name
		}
		info, err := fs.Stat(root, target)
		if err != nil {
			faults = append(faults, fmt.Sprintf("%s: link to %s: %v", name, m[2], err))
			continue
		}
		if info.IsDir() {
			continue
		}
		content, err := fs.ReadFile(root, target)
		if err != nil || anchor != "" && !slices.Contains(anchors(string(content)), anchor) ||
			testName.MatchString(m[1]) && !strings.Contains(string(content), "\nfunc "+m[1]+"(") {
			faults = append(faults, fmt.Sprintf("%s: link to %s: nothing there for %q %v", name, m[2], m[1], err))
		}
	}
	return faults
}

// anchors are the names that GitHub gives to the headings of a page.
func anchors(text string) (all []string) {
	for _, m := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
		all = append(all, strings.ReplaceAll(unslug.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-"))
	}
	return all
}

func TestDocsCiteTestsThatExist(t *testing.T) {
	t.Parallel()
	root, exist, cited := os.DirFS("."), make(map[string]bool), 0
	walk(t, root, func(name string, content []byte) {
		for _, m := range regexp.MustCompile(`(?m)^func (\w+)\(`).FindAllSubmatch(content, -1) {
			exist[string(m[1])] = true
		}
	}, "_test.go")
	for name, text := range pages(t, root) {
		for _, test := range testName.FindAllString(fenced.ReplaceAllString(text, ""), -1) {
			if cited++; !exist[test] {
				t.Errorf("%s: there is no test %s", name, test)
			}
		}
	}
	if cited < 20 {
		t.Errorf("%d tests are cited, want the tests of all promises", cited)
	}
}

// TestDocsNameWhatOperatorsMeet looks in docs/operations.md for every field of the
// configuration, every metric and every log line. docs/headers.md has the headers.
func TestDocsNameWhatOperatorsMeet(t *testing.T) {
	t.Parallel()
	var want []string
	for _, config := range []reflect.Type{reflect.TypeFor[broker.Config](), reflect.TypeFor[worker.Config](), reflect.TypeFor[worker.Queue]()} {
		for field := range config.Fields() {
			want = append(want, "`"+field.Name+"`")
		}
	}
	for _, from := range [][2]string{
		{"internal/telemetry/names.go", "warren."}, {"internal/telemetry/names.go", "messaging."}, {"worker/log.go", "worker: "},
	} {
		want = append(want, literals(t, from[0], from[1])...)
	}
	text := pages(t, os.DirFS("."))["docs/operations.md"]
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("docs/operations.md says nothing of %s", w)
		}
	}
}

// codeLink is a link whose text is the name of a function, to the file that declares it.
var codeLink = regexp.MustCompile("\\[`([A-Za-z.]+)`\\]\\(\\.\\./([a-z/]+\\.go)\\)")

// TestTheLifeOfAMessageNamesFunctionsThatExist checks the functions that docs/architecture.md
// links, and that one delivery passes few files.
func TestTheLifeOfAMessageNamesFunctionsThatExist(t *testing.T) {
	t.Parallel()
	files := map[string]map[string]bool{}
	links := codeLink.FindAllStringSubmatch(pages(t, os.DirFS("."))["docs/architecture.md"], -1)
	for _, link := range links {
		name, file := link[1], link[2]
		if !slices.Contains(functions(t, file), name) {
			t.Errorf("docs/architecture.md: %s does not declare %s", file, name)
		}
		folder := path.Dir(file)
		if files[folder] == nil {
			files[folder] = map[string]bool{}
		}
		files[folder][file] = true
	}
	for _, folder := range []string{"worker", "internal/amqp"} {
		if n := len(files[folder]); n == 0 || n > 3 {
			t.Errorf("docs/architecture.md: a delivery passes %d files of %s, want 1 to 3", n, folder)
		}
	}
}

// functions returns the functions and methods that a file declares, such as Consumer.Receive.
func functions(t *testing.T, file string) (names []string) {
	t.Helper()
	for _, d := range parseFile(t, file).Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		name := f.Name.Name
		if f.Recv != nil {
			of := f.Recv.List[0].Type
			if star, ok := of.(*ast.StarExpr); ok {
				of = star.X
			}
			if id, ok := of.(*ast.Ident); ok {
				name = id.Name + "." + name
			}
		}
		names = append(names, name)
	}
	return names
}

func parseFile(t *testing.T, file string) *ast.File {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// literals returns the strings in a Go file that begin with prefix.
func literals(t *testing.T, file, prefix string) (all []string) {
	t.Helper()
	for n := range ast.Preorder(parseFile(t, file)) {
		if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
			if s, err := strconv.Unquote(l.Value); err == nil && strings.HasPrefix(s, prefix) {
				all = append(all, s)
			}
		}
	}
	if len(all) == 0 {
		t.Errorf("%s has no string that begins with %q", file, prefix)
	}
	return all
}

func TestDocsChecksSeeFaults(t *testing.T) {
	t.Parallel()
	root := fstest.MapFS{"a.md": {Data: []byte("# One two: three\n")}, "a_test.go": {Data: []byte("package a\nfunc TestA(t *testing.T) {}\n")}}
	for text, faults := range map[string]int{
		"[x](a.md) [x](a.md#one-two-three) [TestA](a_test.go) [x](https://example.com/)": 0,
		"[x](b.md)": 1, "[x](a.md#four)": 1, "[TestB](a_test.go)": 1, "```\n[x](b.md)\n```\n": 0,
	} {
		if got := badLinks(root, "p.md", text); len(got) != faults {
			t.Errorf("%q has the faults %v, want %d", text, got, faults)
		}
	}
	long := blocks("p.md", "```go\npackage main\n"+strings.Repeat("\n// no line\nvar _ = 1\n", maxProgram)+"```\n")
	if len(long) != 1 || long[0].lines() != maxProgram+1 {
		t.Errorf("got %v, want one block of %d lines", long, maxProgram+1)
	}
	_, out, err := vet(t, blocks("p.md", "\n```go\nfunc f() error {\n\treturn worker.ErrNoSuchThing\n}\n```\n"))
	if err == nil || !strings.Contains(out, "p.md:4") {
		t.Errorf("compiling nonsense gives %v and %q, want a fault at p.md:4", err, out)
	}
}

// TestTheSiteListsThePages compares the navigation of the site with docs/README.md.
func TestTheSiteListsThePages(t *testing.T) {
	t.Parallel()
	config, err := os.ReadFile("docs/.vitepress/config.mts")
	if err != nil {
		t.Fatal(err)
	}
	var listed, shown []string
	for _, m := range regexp.MustCompile(`(?m)^\| \[[^][]+\]\(([a-z/-]+)\.md\)`).FindAllStringSubmatch(pages(t, os.DirFS("."))["docs/README.md"], -1) {
		listed = append(listed, m[1])
	}
	for _, m := range regexp.MustCompile(`\['[^']+', '([a-z/-]+)'\]`).FindAllSubmatch(config, -1) {
		shown = append(shown, string(m[1]))
	}
	if !slices.Equal(shown, listed) {
		t.Errorf("docs/.vitepress/config.mts lists\n%q, and docs/README.md\n%q", shown, listed)
	}
}
