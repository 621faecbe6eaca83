package config_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/warren-mq/warren/runner/internal/config"
)

// TestInputsGetTheAnswerThatTheirFirstLineExpects has a golden file for each.
func TestInputsGetTheAnswerThatTheirFirstLineExpects(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/inputs/*.yaml")
	if err != nil || len(files) < 10 {
		t.Fatalf("got %d files and %v, want 10 or more", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			c, err := config.Load(config.Source{Name: file, Data: data, LookupEnv: unset})
			var answer string
			if all, ok := errors.AsType[*config.Error](err); ok {
				answer = all.Verbose()
			} else {
				answer = fmt.Sprintf("valid: %d exchanges, %d queues\n", len(c.Exchanges), len(c.Queues))
			}
			golden(t, strings.TrimSuffix(file, ".yaml")+".txt", []byte(answer))
			if strings.Contains(answer, "p@ss") {
				t.Errorf("the password is shown: %s", answer)
			}
		})
	}
}

func TestEveryZoneThatIsSuggestedExists(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"Europe/Roma": "Europe/Rome", "rome": "Europe/Rome", "America/NewYork": "America/New_York", "europe/berlin": "Europe/Berlin",
	} {
		_, err := config.Load(config.Source{LookupEnv: unset, Data: []byte("schedules: [{name: s, cron: '@daily', key: q, timezone: " + name + "}]\n")})
		if err == nil || !strings.Contains(err.Error(), `did you mean "`+want+`"?`) {
			t.Errorf("%s: got %v, want a suggestion of %s", name, err, want)
		}
	}
}

func TestKeysThatBeginWithXAreAPlaceForAnchors(t *testing.T) {
	t.Parallel()
	c := load(t, config.Source{LookupEnv: unset, Data: []byte(`
x-retry: &few {max_attempts: 3}
x-secret: "${NOT_SET}"
x-other: [1, 010]
queues: [{name: q, retry: *few, handlers: [{key: a, log: {}}]}]
`)})
	if got := c.Queues[0].Retry.MaxAttempts; got != 3 {
		t.Errorf("max_attempts is %d, want 3", got)
	}
}
