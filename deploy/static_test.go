package deploy_test

import (
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestRulesPassTheirTests runs promtool on the rules and on their tests.
func TestRulesPassTheirTests(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"promtool", "check", "rules", "--lint=all", "--lint-fatal", "prometheus/warren.rules.yml"},
		{"promtool", "test", "rules", "prometheus/warren.rules_test.yml"},
	} {
		if out, err := script(args...).CombinedOutput(); err != nil {
			t.Errorf("%v: %v\n%s", args, err, out)
		}
	}
}

func TestEachAlertIsTestedAndHasARunbook(t *testing.T) {
	t.Parallel()
	tests := read(t, "prometheus/warren.rules_test.yml")
	for _, a := range alerts(t) {
		if !strings.Contains(tests, `exp_samples: [{labels: 'ALERTS{alertname="`+a.Alert+`", alertstate="firing"`) {
			t.Errorf("no test expects that %s fires", a.Alert)
		}
		if !strings.Contains(tests, `expr: ALERTS{alertname="`+a.Alert+`", alertstate="firing"}`) {
			t.Errorf("no test expects that %s does not fire", a.Alert)
		}
		for _, name := range []string{"summary", "description", "runbook"} {
			if len(a.Annotations[name]) < 20 {
				t.Errorf("%s has the %s %q, want a sentence", a.Alert, name, a.Annotations[name])
			}
		}
		if !slices.Contains([]string{"warning", "critical"}, a.Labels["severity"]) {
			t.Errorf("%s has the severity %q, want warning or critical", a.Alert, a.Labels["severity"])
		}
	}
}

// TestCommandsOfRunbooksHaveTheArgumentsThatTheyNeed runs each command that a runbook names, as it
// is written, against a broker that does not answer. The exit status 2 means wrong arguments.
func TestCommandsOfRunbooksHaveTheArgumentsThatTheyNeed(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for _, m := range regexp.MustCompile(`"runner ([^"]+)"`).FindAllStringSubmatch(read(t, "prometheus/warren.rules.yml"), -1) {
		words := strings.Fields(strings.ReplaceAll(m[1], " N", " 3"))
		name := strings.Join(words, " ")
		if seen[name] {
			continue
		}
		seen[name] = true
		c := command(t, append(words, "--set", "broker.url=amqp://127.0.0.1:1/")...)
		c.Dir = t.TempDir() // without a configuration
		out, err := c.CombinedOutput()
		if status := c.ProcessState.ExitCode(); status < 0 || status == 2 {
			t.Errorf("a runbook names runner %s: %v\n%s", m[1], err, out)
		}
	}
	if len(seen) < 10 {
		t.Errorf("the runbooks name %d commands: is the pattern right?", len(seen))
	}
}

func TestDashboardIsWellFormed(t *testing.T) {
	t.Parallel()
	d := grafana(t)
	if d.UID == "" || d.Title == "" || d.SchemaVersion < 36 {
		t.Errorf("the dashboard has the uid %q, the title %q and the schema version %d", d.UID, d.Title, d.SchemaVersion)
	}
	var variables, rows []string
	for _, v := range d.Templating.List {
		variables = append(variables, v.Name)
	}
	if want := []string{"datasource", "job", "queue"}; !slices.Equal(variables, want) {
		t.Errorf("the variables are %q, want %q", variables, want)
	}
	seen := make(map[int]bool)
	for i, p := range d.Panels {
		if seen[p.ID] {
			t.Errorf("two panels have the id %d", p.ID)
		}
		seen[p.ID] = true
		if p.Type == "row" {
			rows = append(rows, p.Title)
		}
		checkPanel(t, p)
		for _, other := range d.Panels[:i] {
			if overlap(p, other) {
				t.Errorf("the panels %q and %q overlap", p.Title, other.Title)
			}
		}
	}
	want := []string{"Is it well?", "Flow", "Latency", "Queues and dead letters", "Limits, breakers and partitions", "Delays", "Schedules", "Process"}
	if !slices.Equal(rows, want) {
		t.Errorf("the rows are %q, want %q", rows, want)
	}
}

func checkPanel(t *testing.T, p panel) {
	t.Helper()
	if g := p.GridPos; p.ID < 1 || g.W < 1 || g.H < 1 || g.X < 0 || g.Y < 0 || g.X+g.W > 24 {
		t.Errorf("the panel %q has the id %d and the place %+v", p.Title, p.ID, g)
	}
	if p.Type == "row" {
		return
	}
	if p.Title == "" || p.Description == "" || p.Datasource["uid"] != "${datasource}" || len(p.Targets) == 0 {
		t.Errorf("the panel %q lacks a title, a description, the data source or targets: %+v", p.Title, p)
	}
	refs := make(map[string]bool)
	for _, target := range p.Targets {
		if target.Expr == "" || target.RefID == "" || refs[target.RefID] {
			t.Errorf("the panel %q has the target %+v", p.Title, target)
		}
		refs[target.RefID] = true
	}
}

func overlap(a, b panel) bool {
	return a.GridPos.X < b.GridPos.X+b.GridPos.W && b.GridPos.X < a.GridPos.X+a.GridPos.W &&
		a.GridPos.Y < b.GridPos.Y+b.GridPos.H && b.GridPos.Y < a.GridPos.Y+a.GridPos.H
}

// TestSystemdUnitIsVerified verifies the unit with the test binary as its program, and limits
// what its process may do.
func TestSystemdUnitIsVerified(t *testing.T) {
	t.Parallel()
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Log("NOT CHECKED: systemd-analyze is not installed, so the unit was not verified")
		return
	}
	text := read(t, "systemd/warren-runner.service")
	if !strings.Contains(text, "\nTimeoutStopSec=51\n") {
		t.Error("the unit does not have the TimeoutStopSec of the default grace, 51")
	}
	unit := write(t, t.TempDir(), "warren-runner.service", strings.ReplaceAll(text, "/usr/local/bin/runner", "/bin/true"))
	if out, err := exec.CommandContext(t.Context(), analyze, "verify", "--man=no", unit).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
	if out, err := exec.CommandContext(t.Context(), analyze, "security", "--offline=true", "--threshold=20", unit).CombinedOutput(); err != nil {
		t.Errorf("systemd-analyze security: %v, want an exposure of at most 2.0\n%s", err, out)
	}
}

// TestDockerfile checks what can be checked without an image: pinned images, a user without
// rights, and commands that exist.
func TestDockerfile(t *testing.T) {
	t.Parallel()
	text := read(t, "Dockerfile")
	for _, image := range regexp.MustCompile(`(?m)^ARG (?:BUILD|BASE)=(.*)$`).FindAllStringSubmatch(text, -1) {
		if !strings.Contains(image[1], ":") || strings.HasSuffix(image[1], ":latest") {
			t.Errorf("the image %s is not pinned", image[1])
		}
	}
	goVersion := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(read(t, "../go.mod"))[1]
	for _, line := range []string{"\nARG BUILD=golang:" + goVersion, "\nUSER 65532:65532\n", "CGO_ENABLED=0 go build", "\nENTRYPOINT [\"/runner\"]\n"} {
		if !strings.Contains(text, line) {
			t.Errorf("the Dockerfile lacks %q", line)
		}
	}
	check := regexp.MustCompile(`(?m)^HEALTHCHECK .* CMD \["/runner", (.*)\]$`).FindStringSubmatch(text)
	if check == nil {
		t.Fatal("the Dockerfile has no HEALTHCHECK of the runner")
	}
	args := strings.Split(strings.ReplaceAll(check[1], `"`, ""), ", ")
	args[len(args)-1] = "http://" + freeAddress(t)
	out, err := command(t, args...).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "no runner answers") {
		t.Errorf("%v without a runner: %v\n%s", args, err, out)
	}
}
