//go:build clients

package clients_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// expectedFailures are the integration tests of amqp091-go that do not pass on
// devbroker, each with the reason. There are none: management_test.go stands in for
// the management plugin and rabbitmqctl, which 17 of them and one want.
var expectedFailures = map[string]string{}

const (
	amqp091     = "github.com/rabbitmq/amqp091-go"
	enoughTests = 96 // in its v1.16.0
)

// TestAmqp091 runs the integration tests of amqp091-go, which its module carries, and
// wants all of them to pass except expectedFailures.
func TestAmqp091(t *testing.T) {
	t.Parallel()
	plugin := newManagement(t)
	dir := copyModule(t, plugin.port(t))
	tests := testsWithBroker(t, dir)
	if len(tests) < enoughTests {
		t.Errorf("found %d tests of %s, want %d or more", len(tests), amqp091, enoughTests)
	}
	binary := filepath.Join(dir, "integration.test")
	output(t, dir, "go", "test", "-c", "-tags", "integration", "-o", binary, ".")
	became := runInParts(t, plugin, binary, tests)
	t.Logf("amqp091-go on devbroker: %s", count(tests, became))
	for _, fault := range judge(tests, became, expectedFailures) {
		t.Error(fault)
	}
}

// copyModule copies the module and returns the folder. In the copy its tests look for
// RabbitMQ's management plugin at another port, and wait 2 s for a message instead of
// 200 ms, which is too short on a busy machine: RabbitMQ itself failed one of them there.
func copyModule(t *testing.T, port string) string {
	t.Helper()
	source := os.DirFS(strings.TrimSpace(output(t, ".", "go", "list", "-m", "-f", "{{.Dir}}", amqp091)))
	changes := strings.NewReplacer("15672", port, "200 * time.Millisecond", "2 * time.Second")
	dir := t.TempDir()
	err := fs.WalkDir(source, ".", func(name string, d fs.DirEntry, err error) error {
		file := filepath.Join(dir, name)
		if err != nil || d.IsDir() {
			return errors.Join(err, os.MkdirAll(file, 0o700))
		}
		content, err := fs.ReadFile(source, name)
		return errors.Join(err, os.WriteFile(file, []byte(changes.Replace(string(content))), 0o600))
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// testsWithBroker returns the names of the tests and examples that want a broker:
// those in the files with the build tag integration, and in those that read AMQP_URL.
func testsWithBroker(t *testing.T, dir string) (names []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	wants := regexp.MustCompile(`(?m)^//go:build integration$|"AMQP_URL"`)
	function := regexp.MustCompile(`(?m)^func ((?:Test|Example)\w+)\(`)
	for _, file := range files {
		code, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !wants.Match(code) {
			continue
		}
		for _, m := range function.FindAllSubmatch(code, -1) {
			if name := string(m[1]); name != "TestMain" {
				names = append(names, name)
			}
		}
	}
	return names
}

// judge compares what became of the tests with those that are expected to fail, and
// returns what is not as expected.
func judge(tests []string, became map[string]outcome, expected map[string]string) (faults []string) {
	failed := false
	for _, name := range tests {
		got := became[name]
		failed = failed || got.action == "fail"
		reason, listed := expected[name]
		switch {
		case got.action == "":
			faults = append(faults, name+" was not run to its end")
		case got.action == "pass" && listed:
			faults = append(faults, name+" passes, and is on the list of those that fail: "+reason)
		case got.action != "pass" && !listed:
			faults = append(faults, name+": "+got.action+"\n"+got.output)
		}
	}
	if whole := became[""]; whole.action == "fail" && !failed {
		faults = append(faults, "the tests pass, and their program fails:\n"+whole.output)
	}
	return faults
}

// count says how many of the tests passed, failed and were skipped.
func count(tests []string, became map[string]outcome) string {
	n := map[string]int{}
	for _, name := range tests {
		n[became[name].action]++
	}
	return fmt.Sprintf("%d tests passed, %d failed, %d were skipped", n["pass"], n["fail"], n["skip"])
}

func TestJudgeSeesWhatIsNotExpected(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		became map[string]outcome
		listed map[string]string
		want   string // a part of the only fault, or none
	}{
		{"a test passes", map[string]outcome{"A": {action: "pass"}}, nil, ""},
		{"a listed test fails", map[string]outcome{"A": {action: "fail"}, "": {action: "fail"}}, map[string]string{"A": "why"}, ""},
		{"a test fails", map[string]outcome{"A": {action: "fail", output: "boom"}}, nil, "A: fail\nboom"},
		{"a test is skipped", map[string]outcome{"A": {action: "skip"}}, nil, "A: skip"},
		{"a listed test passes", map[string]outcome{"A": {action: "pass"}}, map[string]string{"A": "why"}, "A passes"},
		{"a test does not come to its end", map[string]outcome{"A": {output: "panic"}}, nil, "not run to its end"},
		{"the program fails after its tests", map[string]outcome{"A": {action: "pass"}, "": {action: "fail"}}, nil, "program fails"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := strings.Join(judge([]string{"A"}, tt.became, tt.listed), "\n")
			if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
