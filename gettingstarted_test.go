package warren_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/warren-mq/warren/internal/rabbit"
)

// TestGettingStarted does what docs/getting-started.md shows, on a node of its own. The script
// readme of the runner tests "runner dev".
func TestGettingStarted(t *testing.T) {
	t.Parallel()
	g := buildGettingStarted(t)
	g.url = rabbit.Start(t).URL()
	var logged <-chan string
	steps := []struct {
		command string
		do      func()
	}{
		{"go install github.com/warren-mq/warren/cmd/runner@latest", nil}, // fetches
		{"runner dev", nil},                                // the node takes its place
		{"go mod init charge", nil},                        // userModule
		{"go get github.com/warren-mq/warren/worker", nil}, // fetches
		{"go run ./charge", func() {
			logged = start(t, g.charge, g.url)
			await(t, logged, "queue consuming")
		}},
		{"go run ./shop", func() {
			g.run(t, g.shop)
			await(t, logged, "worker: message dead-letter")
			await(t, logged, "charged order 1")
		}},
		{"runner dlq groups charge-order", func() { g.shows(t, "groups charge-order", "an order must cost something") }},
		{"runner dlq show charge-order", func() { g.shows(t, "show charge-order", "order.placed") }},
		{"runner dlq replay charge-order --all", func() {
			g.shows(t, "replay charge-order --all", "1 replayed")
			await(t, logged, "worker: message dead-letter")
		}},
		{`runner dlq edit charge-order ID --data '{"number": 2, "cents": 1200}'`, func() {
			g.run(t, g.runner, "dlq", "edit", "charge-order", g.id(t), "--data", `{"number": 2, "cents": 1200}`)
			await(t, logged, "charged order 2")
		}},
		{"docker run --rm -d -p 5672:5672 rabbitmq:4", nil},         // the node takes its place
		{"export AMQP_URL=amqp://guest:guest@127.0.0.1:5672/", nil}, // g.url
	}
	shown := g.commands
	for i, s := range steps {
		if i >= len(shown) || shown[i] != s.command {
			t.Fatalf("the page shows the commands %q, want %q as number %d", shown, s.command, i+1)
		}
		if s.do != nil {
			s.do()
		}
	}
	if len(shown) > len(steps) {
		t.Errorf("no test of %q", shown[len(steps):])
	}
}

// guide is the page with its programs and the runner, built.
type guide struct {
	commands             []string
	charge, shop, runner string
	url                  string
}

func buildGettingStarted(t *testing.T) guide {
	t.Helper()
	const page = "docs/getting-started.md"
	var g guide
	var programs []block
	for _, b := range blocks(page, pages(t, os.DirFS("."))[page]) {
		switch {
		case b.isProgram():
			programs = append(programs, b)
		case b.info == "sh":
			g.commands = append(g.commands, strings.Split(strings.TrimSpace(b.code), "\n")...)
		}
	}
	if len(programs) != 2 {
		t.Fatalf("the page has %d programs, want a worker and a publisher", len(programs))
	}
	dir, out, err := build(t, programs)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	g.charge, g.shop, g.runner = filepath.Join(dir, "bin", "0"), filepath.Join(dir, "bin", "1"), filepath.Join(dir, "bin", "runner")
	if out, err := goTool(t, ".", "build", "-o", g.runner, "./cmd/runner"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return g
}

// run runs a program with the URL and returns its output.
func (g guide) run(t *testing.T, program string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir, cmd.Env = t.TempDir(), append(os.Environ(), "AMQP_URL="+g.url)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", program, args, err, out)
	}
	return string(out)
}

// shows runs a command of the dead letters, whose output must contain text.
func (g guide) shows(t *testing.T, command, text string) {
	t.Helper()
	if out := g.run(t, g.runner, slices.Insert(strings.Fields(command), 0, "dlq")...); !strings.Contains(out, text) {
		t.Errorf("runner dlq %s printed %q, want %q in it", command, out, text)
	}
}

// id returns the id of the one dead letter.
func (g guide) id(t *testing.T) string {
	t.Helper()
	out := g.run(t, g.runner, "dlq", "show", "charge-order", "-o", "jsonl")
	found := regexp.MustCompile(`"id":"([^"]+)"`).FindStringSubmatch(out)
	if found == nil {
		t.Fatalf("no id in %q", out)
	}
	return found[1]
}
