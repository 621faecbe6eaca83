package warren_test

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// command is a line of a page that a reader may type, in words.
type command struct {
	page  string
	words []string
}

var (
	inline  = regexp.MustCompile("`((?:runner|make|go run|go test) [^`\n]+)`")
	comment = regexp.MustCompile(`\s+#.*$`)
	word    = regexp.MustCompile(`(?:'[^']*'|"[^"]*"|[^\s'"])+`)
	section = regexp.MustCompile(`(?m)^## (runner [a-z0-9 -]+)$`)
	option  = regexp.MustCompile(`(?m)^ +(?:(-[a-z]), )?(--[a-z-]+)`)
	target  = regexp.MustCompile(`(?m)^([a-z-]+):.*##`)
)

// commandsOf returns the lines of shell blocks and the commands within the text.
func commandsOf(name, text string) (all []command) {
	for _, b := range blocks(name, text) {
		if b.info == "sh" || b.info == "" {
			for line := range strings.Lines(b.code) {
				all = append(all, command{name, word.FindAllString(comment.ReplaceAllString(strings.TrimSpace(line), ""), -1)})
			}
		}
	}
	for _, found := range inline.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
		all = append(all, command{name, word.FindAllString(found[1], -1)})
	}
	return all
}

// shownCommands returns the commands of all pages that begin with start, without what follows
// a pipe or a redirection.
func shownCommands(t *testing.T, root fs.FS, start string) (all []command) {
	t.Helper()
	for name, text := range pages(t, root) {
		if name == "CHANGELOG.md" || strings.HasPrefix(name, "docs/reference/") || strings.HasPrefix(name, "docs/decisions/") {
			continue
		}
		for _, c := range commandsOf(name, text) {
			if strings.HasPrefix(strings.Join(c.words, " ")+" ", start+" ") {
				if end := slices.IndexFunc(c.words, func(w string) bool { return strings.ContainsAny(w[:1], "|>&…") }); end > 0 {
					c.words = c.words[:end]
				}
				all = append(all, c)
			}
		}
	}
	return all
}

// reference is docs/reference/commands.md, which a test holds to the commands themselves: the
// flags of each command, and nil for a command that only has further ones.
func reference(t *testing.T) map[string][]string {
	t.Helper()
	content, err := os.ReadFile("docs/reference/commands.md")
	if err != nil {
		t.Fatal(err)
	}
	text, all := string(content), map[string][]string{"runner": {"--version"}}
	begins := section.FindAllStringSubmatchIndex(text, -1)
	common := flags(text[:begins[0][0]])
	for i, at := range begins {
		end := len(text)
		if i+1 < len(begins) {
			end = begins[i+1][0]
		}
		name := text[at[2]:at[3]]
		all[name] = append(append(flags(text[at[1]:end]), "-h", "--help"), common...)
		if parent := name[:strings.LastIndex(name, " ")]; all[parent] == nil {
			all[parent] = []string{"-h", "--help"}
		}
	}
	return all
}

func flags(text string) (all []string) {
	for _, found := range option.FindAllStringSubmatch(text, -1) {
		all = append(all, found[1], found[2])
	}
	return all
}

// resolve splits words into the command that the reference has and the flags that follow.
func resolve(known map[string][]string, words []string) (name string, given []string) {
	name = words[0]
	for _, w := range words[1:] {
		longer := name + " " + w
		switch _, ok := known[longer]; {
		case ok && len(given) == 0:
			name = longer
		case strings.HasPrefix(w, "-") && len(w) > 1:
			flag, _, _ := strings.Cut(w, "=")
			given = append(given, flag)
		}
	}
	return name, given
}

// TestDocsShowCommandsOfTheRunnerThatScriptsExecute compares each command with the reference,
// and looks for scripts of the runner's tests that execute it with each of these flags.
func TestDocsShowCommandsOfTheRunnerThatScriptsExecute(t *testing.T) {
	t.Parallel()
	known, executed := reference(t), make(map[string][]string)
	scripts, err := fs.Glob(os.DirFS("."), "runner/testdata/script/*.txtar")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("%d scripts (%v), want some", len(scripts), err)
	}
	for _, file := range scripts {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(content)) {
			if words := word.FindAllString(line, -1); slices.Contains(words, "runner") {
				name, given := resolve(known, words[slices.Index(words, "runner"):])
				executed[name] = append(append(executed[name], given...), "")
			}
		}
	}
	for _, c := range shownCommands(t, os.DirFS("."), "runner") {
		name, given := resolve(known, c.words)
		if name == "runner" && len(c.words) > 1 && len(given) == 0 {
			t.Errorf("%s: %q: the runner has no command %s", c.page, c.words, c.words[1])
		}
		for _, flag := range given {
			switch {
			case !slices.Contains(known[name], flag):
				t.Errorf("%s: %q: %s has no flag %s", c.page, c.words, name, flag)
			case !slices.Contains(executed[name], flag) && flag != "-h" && flag != "--help":
				t.Errorf("%s: %q: no script of runner/testdata executes %s with %s", c.page, c.words, name, flag)
			}
		}
	}
	for name, own := range known {
		if len(own) > 2 && len(executed[name]) == 0 { // others only have further commands
			t.Errorf("no script of runner/testdata executes %s", name)
		}
	}
}

// TestDocsShowTargetsOfMake wants each target in the Makefile.
func TestDocsShowTargetsOfMake(t *testing.T) {
	t.Parallel()
	makefile, err := os.ReadFile("Makefile")
	if err != nil {
		t.Fatal(err)
	}
	var targets []string
	for _, found := range target.FindAllStringSubmatch(string(makefile), -1) {
		targets = append(targets, found[1])
	}
	for _, c := range shownCommands(t, os.DirFS("."), "make") {
		if len(c.words) > 1 && !slices.Contains(targets, c.words[1]) {
			t.Errorf("%s: %q: the Makefile has the targets %q", c.page, c.words, targets)
		}
	}
}

// TestDocsShowProgramsAndBenchmarksThatExist looks for the folder of each "go run", and for a
// test or benchmark that each "go test" selects.
func TestDocsShowProgramsAndBenchmarksThatExist(t *testing.T) {
	t.Parallel()
	root := os.DirFS(".")
	for _, c := range shownCommands(t, root, "go run") {
		dir := c.words[2]
		if !strings.HasPrefix(dir, "./") || slices.Contains([]string{"./worker", "./publisher", "./charge", "./shop"}, dir) {
			continue // a program of the page itself, which other tests run
		}
		if !slices.ContainsFunc([]string{".", "bench", "chaos"}, func(module string) bool {
			_, err := fs.Stat(root, path.Join(module, dir))
			return err == nil
		}) {
			t.Errorf("%s: %q: no such folder", c.page, c.words)
		}
	}
	names := testNames(t, root)
	for _, c := range shownCommands(t, root, "go test") {
		for i, w := range c.words[:len(c.words)-1] {
			if w != "-run" && w != "-bench" && w != "-fuzz" {
				continue
			}
			pattern, err := regexp.Compile(strings.Trim(c.words[i+1], `'"`))
			if err != nil {
				t.Errorf("%s: %q: %v", c.page, c.words, err)
			} else if pattern.String() != "^$" && !slices.ContainsFunc(names, pattern.MatchString) {
				t.Errorf("%s: %q selects nothing", c.page, c.words)
			}
		}
	}
}

var declared = regexp.MustCompile(`(?m)^func ((?:Test|Benchmark|Fuzz|Example)\w*)\(`)

// testNames returns the names of all tests, benchmarks, fuzz targets and examples.
func testNames(t *testing.T, root fs.FS) (all []string) {
	t.Helper()
	walk(t, root, func(_ string, content []byte) {
		for _, found := range declared.FindAllStringSubmatch(string(content), -1) {
			all = append(all, found[1])
		}
	}, "_test.go")
	return all
}
