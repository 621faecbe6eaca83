package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/warren-mq/warren/runner/internal/config"
)

func TestTheExampleAtTheRootIsValid(t *testing.T) {
	t.Parallel()
	golden(t, root+"config.yaml", config.Init())
	load(t, config.Source{Name: root + "config.yaml", Data: read(t, root+"config.yaml"), LookupEnv: unset})
}

func TestEveryFieldIsRead(t *testing.T) {
	t.Parallel()
	c := everything(t)
	golden(t, "testdata/good/everything.show", c.Show(true))
	q := c.Queues[0]
	for what, got := range map[string][2]any{
		"a number from a variable":     {q.Concurrency, 8},
		"none":                         {q.Timeout, config.Limit(-1)},
		"a size":                       {q.MaxBodyBytes, config.Size(64 << 10)},
		"a duration":                   {c.Broker.PublishTimeout, config.Limit(90 * time.Second)},
		"no spread of retries":         {q.Retry.Policy().RandomizationFactor, -1.0},
		"no spread of attempts":        {c.Broker.Backoff.Policy().RandomizationFactor, -1.0},
		"exit codes":                   {q.Handlers[0].Exec.ExitCodes, map[int]config.Verdict{65: "discard", 3: "dead-letter"}},
		"a command":                    {q.Handlers[0].Exec.Command, []config.Text{"./mail", "--token", secret, "a$b", "$HOME"}},
		"a merged map":                 {c.Queues[1].Retry.MaxInterval, config.Duration(5 * time.Minute)},
		"what wins over a merged map":  {c.Queues[1].Retry.MaxAttempts, 7},
		"the case of a header":         {c.Schedules[0].Headers, map[string]any{"X-Tenant": "Blue", "userId": 1}},
		"the case of nested arguments": {c.Exchanges[0].Arguments["nested"], map[string]any{"User.Name": []any{1, "2", 3.5, true, nil}}},
		"a body as it is written":      {c.Schedules[0].Body, map[string]any{"Since": "2026-01-01", "camelCase": []any{1, map[string]any{"Deep.Key": secret}}}},
		"a default":                    {c.Queues[2].Retry.MaxAttempts, 20},
		"the type of an exchange":      {c.Exchanges[0].Type, "topic"},
		"the kind of a handler":        {q.Handlers[5].Kind(), "go"},
		"a setting that is false":      {c.Telemetry.Prometheus, false},
	} {
		if !reflect.DeepEqual(got[0], got[1]) {
			t.Errorf("%s: got %#v, want %#v", what, got[0], got[1])
		}
	}
	if text, err := q.Handlers[2].Webhook.Headers[0].Value.Reveal(); err != nil || text != secret+" of a file, long enough" {
		t.Errorf("got %q and %v, want the text of the file", text, err)
	}
}

func TestATypicalFileIsValid(t *testing.T) {
	t.Parallel()
	const name = "testdata/good/typical.yaml"
	c := load(t, config.Source{Name: name, Data: read(t, name), LookupEnv: unset})
	if url, err := c.Broker.URL.Reveal(); err != nil || url != "" || len(c.Queues[0].Handlers) != 2 {
		t.Errorf("got %q, %v and\n%s", url, err, c.Show(true))
	}
}

func TestShowHidesEverySecret(t *testing.T) {
	t.Parallel()
	for _, shown := range []string{string(everything(t).Show(true)), string(everything(t).Show(false))} {
		if strings.Contains(shown, secret) {
			t.Errorf("a secret is shown:\n%s", shown)
		}
	}
}

func TestAnEmptyFileIsAConfigurationOfDefaults(t *testing.T) {
	t.Parallel()
	for name, data := range map[string]string{
		"no bytes": "", "a comment": "# nothing\n", "null": "null", "sections with nothing in them": "broker:\nqueues:\nlog:\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := load(t, config.Source{Data: []byte(data), LookupEnv: unset})
			if c.Log.Level != "info" || c.Grace != config.Limit(30*time.Second) || c.Admin.Listen != "127.0.0.1:8081" || len(c.Queues) > 0 {
				t.Errorf("got %s", c.Show(true))
			}
		})
	}
}

func everything(t *testing.T) *config.Config {
	t.Helper()
	const name = "testdata/good/everything.yaml"
	return load(t, config.Source{
		Name: name, Data: read(t, name), Handlers: []string{"send-welcome"},
		LookupEnv: variables{"HANDS": "8", "PASSWORD": secret}.lookup,
	})
}

func load(t *testing.T, s config.Source) *config.Config {
	t.Helper()
	c, err := config.Load(s)
	if err != nil {
		t.Fatal(verbose(err))
	}
	return c
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.FromSlash(name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

type variables map[string]string

func (v variables) lookup(name string) (string, bool) {
	value, ok := v[name]
	return value, ok
}

func unset(string) (string, bool) { return "", false }

func verbose(err error) string {
	if all, ok := errors.AsType[*config.Error](err); ok {
		return all.Verbose()
	}
	return err.Error()
}

// TestTheUsersOfTheFleetAreRead, although lists have no variable and no flag.
func TestTheUsersOfTheFleetAreRead(t *testing.T) {
	t.Parallel()
	c, err := config.Load(config.Source{Name: "config.yaml", Data: []byte("fleet: {users: [ada, grace]}\n")})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"ada", "grace"}; !slices.Equal(c.Fleet.Users, want) {
		t.Errorf("the users are %q, want %q", c.Fleet.Users, want)
	}
}

// TestAFlagOrAVariableTurnsOffWhatTheFileSets: only a file that contradicts itself has a fault.
func TestAFlagOrAVariableTurnsOffWhatTheFileSets(t *testing.T) {
	t.Parallel()
	const token = "token: 0123456789abcdef"
	for name, s := range map[string]config.Source{
		"a flag turns it off":          {Data: []byte("admin: {" + token + "}"), Flags: map[string]string{"admin.listen": "none"}},
		"a flag turns it on":           {Data: []byte("admin: {listen: none, " + token + "}"), Flags: map[string]string{"admin.listen": "127.0.0.1:9000"}},
		"a variable of the file":       {Data: []byte("admin: {listen: '${LISTEN:-none}', " + token + "}"), LookupEnv: unset},
		"the console as it is without": {Data: []byte("admin: {listen: none, console: read}")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := config.Load(s); err != nil {
				t.Error(err)
			}
		})
	}
}
