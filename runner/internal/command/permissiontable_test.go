package command_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/topology"
)

// lacks are the columns of the table in docs/operations.md: what is taken away from the printed
// permissions. Delayed messages and retries pass through the default exchange and the levels.
var lacks = []struct {
	name string
	take func(*rabbit.User)
}{
	{"no `configure`", func(u *rabbit.User) { u.Configure = "^$" }},
	{"no `write` for delays", func(u *rabbit.User) { u.Write = without(u.Write, `amq\.default`, `warren\.delay\.[0-9]+s`) }},
}

// without removes alternatives from a printed pattern.
func without(pattern string, remove ...string) string {
	var kept []string
	for one := range strings.SplitSeq(strings.TrimSuffix(strings.TrimPrefix(pattern, "^("), ")$"), "|") {
		if !strings.Contains(" "+strings.Join(remove, " ")+" ", " "+one+" ") {
			kept = append(kept, one)
		}
	}
	return "^(" + strings.Join(kept, "|") + ")$"
}

// row is a row of the table: a command, the user that executes it, and the mode.
type row struct {
	command, role string
	mode          topology.Mode
	works         []bool // for each of lacks
}

var tableRow = regexp.MustCompile("(?m)^\\| `runner ([^`]+)` \\| (worker|publisher|delaying|operator) \\| `(manage|verify|trust)` \\| (yes|no)[^|]* \\| (yes|no)[^|]* \\|$")

// TestWhatWorksWithoutAPermission executes the rows of the table in docs/operations.md.
func TestWhatWorksWithoutAPermission(t *testing.T) {
	t.Parallel()
	docs, err := os.ReadFile("../../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	var rows []row
	for _, m := range tableRow.FindAllStringSubmatch(string(docs), -1) {
		rows = append(rows, row{m[1], m[2], topology.Mode(m[3]), []bool{m[4] == "yes", m[5] == "yes"}})
	}
	if len(rows) < 15 {
		t.Fatalf("the table has %d rows, want those of all commands", len(rows))
	}
	node := rabbit.Start(t)
	var users []rabbit.User
	houses := make(map[topology.Mode][]*house)
	for _, mode := range modes {
		for _, l := range lacks {
			h := newHouse(t, mode)
			h.write(plain, mode)
			houses[mode] = append(houses[mode], h)
			for _, u := range h.printed() {
				l.take(&u)
				users = append(users, u)
			}
		}
	}
	node.PermitAll(t, users)
	for mode, both := range houses {
		for i, h := range both {
			h.at(node)
			t.Run(string(mode)+", "+lacks[i].name, func(t *testing.T) {
				t.Parallel()
				h.t = t
				h.must("admin", "topology", "apply")
				h.letter()
				for _, r := range rows {
					if r.mode == mode {
						h.compare(r, r.works[i])
					}
				}
			})
		}
	}
}

// plain is the configuration of the table, without a queue of one process.
var plain = strings.Replace(mailer, perProcess, "", 1)

// letter publishes a dead letter, and leaves a state of the schedules behind.
func (h *house) letter() {
	h.t.Helper()
	worker := h.users["worker"]
	h.users["worker"] = h.users["admin"]
	stop := h.run()
	h.consumes("admin", 3)
	h.must("admin", "publish", h.id+"-events", "fails", "--data", "x")
	h.await(`"dead_letters": 1`, "admin", "dlq", "ls", h.id+".mail", "-o", "json")
	h.await("tick", "admin", "schedules")
	stop()
	h.users["worker"] = worker
}

// compare executes a row.
func (h *house) compare(r row, want bool) {
	h.t.Helper()
	args := strings.Fields(strings.NewReplacer("welcome-email", h.id+".mail", "events", h.id+"-events").Replace(r.command))
	if args[0] == "run" {
		h.compareRun(r, want)
		return
	}
	status, out := h.try(r.role, args...)
	if works := status == 0; works != want {
		h.t.Errorf("runner %s as %s, mode %s: works is %v with status %d, want %v\n%s", r.command, r.role, r.mode, works, status, want, out)
	}
}

// compareRun runs a worker. It works if it retries and dead-letters another message.
func (h *house) compareRun(r row, want bool) {
	h.t.Helper()
	if !want {
		if status, out := h.try("worker", "run"); status == 0 || !strings.Contains(out, "ACCESS_REFUSED") {
			h.t.Errorf("runner run, mode %s: status %d, want a refusal\n%s", r.mode, status, out)
		}
		return
	}
	stop := h.run()
	h.consumes("admin", 3)
	h.must("admin", "publish", h.id+"-events", "fails", "--data", "x")
	h.await(`"dead_letters": 2`, "admin", "dlq", "ls", h.id+".mail", "-o", "json")
	stop()
}

// TestTheDocumentedPermissionsArePrinted compares docs/operations.md, which leaves out the
// commands that set them.
func TestTheDocumentedPermissionsArePrinted(t *testing.T) {
	t.Parallel()
	docs, err := os.ReadFile("../../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(docs), "\n## Permissions\n")
	h := &house{t: t, file: filepath.Join(t.TempDir(), "config.yaml")}
	if err := os.WriteFile(h.file, []byte(fence(section, "yaml")), 0o600); err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for line := range strings.Lines(h.must("", "topology", "permissions")) {
		if !strings.HasPrefix(strings.TrimSpace(line), "=> rabbitmqctl ") {
			got.WriteString(line)
		}
	}
	if got, want := got.String(), fence(section, "text"); got != want {
		t.Errorf("the command prints\n%s\nand docs/operations.md has\n%s", got, want)
	}
}

// fence returns the first block of code of a kind.
func fence(text, kind string) string {
	_, block, _ := strings.Cut(text, "\n```"+kind+"\n")
	block, _, _ = strings.Cut(block, "\n```\n")
	return block + "\n"
}
