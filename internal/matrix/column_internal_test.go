package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestColumnsAreChosenByName(t *testing.T) {
	t.Parallel()
	tests := []struct{ list, want string }{
		{"rabbitmq,devbroker", "rabbitmq-3.10 rabbitmq-4.0 rabbitmq-4.3 devbroker-3.10 devbroker-4.0 devbroker-4.3"},
		{"devbroker-4.0,rabbitmq-4.3", "rabbitmq-4.3 devbroker-4.0"},
		{"pipe-4.3,devbroker-4.3", "devbroker-4.3 pipe-4.3"},
		{"devbroker", "devbroker-3.10 devbroker-4.0 devbroker-4.3"},
		{"rabbitmq-4.1", ""},
		{"", ""},
	}
	for _, tt := range tests {
		columns, err := parseColumns(tt.list)
		var names []string
		for _, c := range columns {
			names = append(names, c.name())
		}
		if got := strings.Join(names, " "); got != tt.want || (err != nil) != (tt.want == "") {
			t.Errorf("%q gives %s (%v), want %s", tt.list, got, err, tt.want)
		}
	}
}

func TestAColumnHasItsBrokerAndNoOther(t *testing.T) {
	t.Setenv("AMQP_URL", "amqp://elsewhere/")
	t.Setenv("WARREN_RABBITMQ", "docker")
	for want, c := range map[string]column{
		"AMQP_URL=embedded:4.0": {kind: devbroker, version: "4.0"},
		"AMQP_URL=pipe:4.0":     {kind: pipe, version: "4.0"},
		"WARREN_RABBITMQ=3.10":  {kind: rabbitmq, version: "3.10"},
	} {
		env := c.environment()
		about := slices.DeleteFunc(env, func(v string) bool {
			return !strings.HasPrefix(v, "AMQP_URL=") && !strings.HasPrefix(v, "WARREN_RABBITMQ=")
		})
		if !slices.Equal(about, []string{want}) {
			t.Errorf("%s runs with %v, want only %s", c.name(), about, want)
		}
	}
}

func TestPipesRunWhatIsMadeForThem(t *testing.T) {
	t.Parallel()
	tests := map[string]bool{"./worker": true, module + "/internal/amqp": true, module + "/broker": false, "./schedule": false, module + "/worker/tracetest": false}
	for pkg, want := range tests {
		if got := (&column{kind: pipe}).runs(pkg); got != want {
			t.Errorf("%s over pipes: %v, want %v", pkg, got, want)
		}
		if !(&column{kind: devbroker}).runs(pkg) {
			t.Errorf("%s does not run on devbroker", pkg)
		}
	}
}

func TestExceptionsAreChecked(t *testing.T) {
	t.Parallel()
	if _, err := parseExceptions(exceptionsFile); err != nil {
		t.Error(err)
	}
	for _, line := range []string{"devbroker | worker TestA", "devbroker | worker TestA |", "rabbitmq-9 | worker TestA | why", "# a comment\n| | why"} {
		if _, err := parseExceptions(line); err == nil || !strings.Contains(err.Error(), "exceptions.txt:") {
			t.Errorf("%q gives %v, want an error with the line", line, err)
		}
	}
}

func TestAColumnFromStandardInput(t *testing.T) {
	t.Parallel()
	const events = "== go test .\n" + `{"Action":"run","Package":"github.com/warren-mq/warren/worker","Test":"TestA"}` + "\n" +
		`{"Action":"pass","Package":"github.com/warren-mq/warren/worker","Test":"TestA","Elapsed":1}` + "\n" +
		`{"Action":"pass","Package":"github.com/warren-mq/warren/worker","Elapsed":1.5}`
	var out bytes.Buffer
	o := options{columns: "rabbitmq-3.10", stdin: "rabbitmq-3.10", packages: "./worker", out: t.TempDir(), parallel: 1, limit: time.Minute}
	ok, err := matrix(t.Context(), o, strings.NewReader(events), &out)
	if !ok || err != nil {
		t.Errorf("got %v, %v, want a table without faults", ok, err)
	}
	for _, want := range []string{"rabbitmq-3.10  pass worker 1.5s", "ok: 1 passed, 0 failed, 0 skipped"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the output lacks %q:\n%s", want, &out)
		}
	}
}

func TestAColumnThatHangsIsNotFinished(t *testing.T) {
	t.Parallel()
	in, hangs := io.Pipe()
	t.Cleanup(func() { _ = hangs.Close() })
	c := column{kind: rabbitmq, version: "3.10", results: newResults()}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("no time left"))
	newRunner(options{stdin: c.name(), out: t.TempDir(), limit: time.Minute}, nil, in, io.Discard).column(ctx, &c)
	if c.fault != "NOT FINISHED: no time left" {
		t.Errorf("the column's fault is %q", c.fault)
	}
}
