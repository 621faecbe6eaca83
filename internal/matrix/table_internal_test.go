package main

import (
	"encoding/json"
	"strings"
	"testing"
)

// record returns the results of a package worker from lines such as "TestA/part pass", or
// "TestA : text" for output. The name of the package itself is -.
func record(t *testing.T, lines string) results {
	t.Helper()
	r := newResults()
	for line := range strings.Lines(lines) {
		name, action, _ := strings.Cut(strings.TrimSpace(line), " ")
		e := event{Action: action, Package: module + "/worker", Test: strings.TrimPrefix(name, "-")}
		if text, ok := strings.CutPrefix(action, ": "); ok {
			e.Action, e.Output = "output", text+"\n"
		} else if e.Test != "" {
			r.add(event{Action: "run", Package: e.Package, Test: e.Test})
		}
		if e.Action != "run" {
			r.add(e)
		}
	}
	return r
}

func TestTheTableShowsTheFault(t *testing.T) {
	t.Parallel()
	const good = "TestA pass\n- pass"
	tests := []struct {
		name       string
		rabbit     string // results on RabbitMQ 4.3
		dev        string // results on devbroker
		exceptions string
		want       string // part of the table, with single spaces
		ok         bool
	}{
		{"all pass", good, good, "", "ok: 2 passed, 0 failed, 0 skipped", true},
		{"a failure shows its output", good, "TestA : boom\nTestA fail\n- fail", "", "devbroker-4.3: worker TestA: fail boom", false},
		{"a failure has a row", good, "TestA fail\n- fail", "", "pass fail worker TestA", false},
		{"a failed part stands for its test", "TestA/part pass\nTestA pass\n- pass", "TestA/part fail\nTestA fail\n- fail", "", "FAIL: 1 passed, 1 failed, 0 skipped", false},
		{"a package that breaks off shows its panic", good, "TestA : panic: timed out\nTestA : running: it\nTestA run\n- fail", "", "devbroker-4.3: worker: fail panic: timed out running: it", false},
		{"a package that fails with all its tests", good, "- : found unexpected goroutines\nTestA pass\n- fail", "", "devbroker-4.3: worker: fail found unexpected goroutines", false},
		{"a package that did not run is not a fault", good, "", "", "1/0/0 - worker passed/failed/skipped ok", true},
		{"a missing test", "TestA pass\nTestB pass\n- pass", good, "", "devbroker-4.3: worker TestB: none", false},
		{"parts of a skipped test are not missed", "TestA/part pass\nTestA pass\n- pass", "TestA : no disk\nTestA skip\n- pass", "devbroker | worker TestA | no disk", "ok: 1 passed, 0 failed, 1 skipped", true},
		{"a skip without an exception", good, "TestA : no disk\nTestA skip\n- pass", "", "worker TestA: skip no disk", false},
		{"a skip with an exception", good, "TestA : no disk\nTestA skip\n- pass", "devbroker | worker TestA | no disk", "ok: 1 passed, 0 failed, 1 skipped", true},
		{"a skip that an asterisk allows", good, "TestA : no disk\nTestA skip\n- pass", "devbroker | * | no disk", "ok: 1 passed, 0 failed, 1 skipped", true},
		{"a failure beside an asterisk", good, "TestA : no disk\nTestA fail\n- fail", "devbroker | * | no disk", "worker TestA: fail no disk", false},
		{"a skip for another reason", good, "TestA : too slow\nTestA skip\n- pass", "devbroker | worker TestA | no disk", "worker TestA: skip too slow", false},
		{"a failure with an exception", "TestA/part fail\nTestA fail\n- fail", "TestA/part pass\nTestA pass\n- pass", "rabbitmq-4.3 | worker TestA | no idea", "ok: 1 passed, 1 failed, 0 skipped", true},
		{"an exception of another column", good, "TestA fail\n- fail", "rabbitmq-4.3 | worker TestA | no idea", "worker TestA: fail", false},
		{"an unused exception", good, good, "devbroker | worker TestA | no disk", "unused exception for worker TestA on devbroker", false},
		{"an exception of a package that did not run", good, "", "devbroker | worker TestA | no disk", "ok", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			listed, err := parseExceptions(tt.exceptions)
			if err != nil {
				t.Fatal(err)
			}
			got, ok := (&table{listed: listed, whole: true, columns: []*column{
				{kind: rabbitmq, version: "4.3", results: record(t, tt.rabbit)},
				{kind: devbroker, version: "4.3", results: record(t, tt.dev)},
			}}).text()
			if ok != tt.ok || !strings.Contains(strings.Join(strings.Fields(got), " "), tt.want) {
				t.Errorf("ok is %v, want %v and %q in\n%s", ok, tt.ok, tt.want, got)
			}
		})
	}
}

func TestAColumnThatDidNotRunIsAFault(t *testing.T) {
	t.Parallel()
	c := column{kind: rabbitmq, version: "4.0", results: newResults(), fault: "NOT RUN: no Debian"}
	got, ok := (&table{columns: []*column{&c}}).text()
	if ok || !strings.Contains(got, "rabbitmq-4.0 NOT RUN: no Debian") {
		t.Errorf("ok is %v for\n%s", ok, got)
	}
}

func TestEveryScenarioOfTheConformanceSuiteHasARow(t *testing.T) {
	t.Parallel()
	r := newResults()
	for _, name := range []string{"TestConformance", "TestConformance/a_queue", "TestConformance/a_queue/is_purged"} {
		for _, action := range []string{"run", "pass"} {
			r.add(event{Action: action, Package: module + "/" + everyRow, Test: name})
		}
	}
	r.add(event{Action: "pass", Package: module + "/" + everyRow})
	got, _ := (&table{columns: []*column{{kind: devbroker, version: "4.3", results: r}}}).text()
	if n := strings.Count(got, "TestConformance"); n != 1 || !strings.Contains(got, "pass       devbroker/conformance TestConformance/a_queue/is_purged\n") {
		t.Errorf("got %d rows, want the scenario's:\n%s", n, got)
	}
}

func TestAFailedBuildIsReportedWithItsReason(t *testing.T) {
	t.Parallel()
	r := newResults()
	for _, line := range []string{
		`{"ImportPath":"github.com/warren-mq/warren/worker [github.com/warren-mq/warren/worker.test]","Action":"build-output","Output":"undefined: x\n"}`,
		`{"ImportPath":"github.com/warren-mq/warren/worker [github.com/warren-mq/warren/worker.test]","Action":"build-fail"}`,
		`{"Action":"start","Package":"github.com/warren-mq/warren/worker"}`,
		`{"Action":"fail","Package":"github.com/warren-mq/warren/worker","Elapsed":0,"FailedBuild":"github.com/warren-mq/warren/worker [github.com/warren-mq/warren/worker.test]"}`,
	} {
		var e event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		r.add(e)
	}
	got, ok := (&table{columns: []*column{{kind: devbroker, version: "4.3", results: r}}}).text()
	if ok || !strings.Contains(got, "worker: fail\nundefined: x") {
		t.Errorf("ok is %v, want the compiler's message in\n%s", ok, got)
	}
}
