package config_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/warren-mq/warren/runner/internal/config"
)

const elsewhere = `
broker:
  url: ${AMQP_URL}
  password: {file: /run/secrets/password}
  username: ${NAME:-mail}
  tls: {ca_file: /run/certificates/ca.pem}
  management_url: {file: /run/secrets/management}
queues:
  - name: ${NAME:-mail}
    handlers:
      - {key: a, exec: {command: [send, "--key=${KEY}", "${KEY:-none}"], env: [HOME, A=b]}}
      - key: b
        webhook:
          url: ${HOOK}
          signing_keys: ["${SIGNING_KEY}"]
          headers: [{name: X-A, value: plain}, {name: X-B, value: "Bearer ${TOKEN}"}]
admin: {listen: "0.0.0.0:8081", token: "${ADMIN_TOKEN}", metrics_token: sixteen-bytes-or-more}
`

// TestAConfigurationForAnotherMachine reads a configuration without its variables and files.
func TestAConfigurationForAnotherMachine(t *testing.T) {
	t.Parallel()
	c, err := config.Load(config.Source{
		Data: []byte(elsewhere), Runnable: true, Elsewhere: true,
		LookupEnv: func(string) (string, bool) { return "from this machine", true },
	})
	if err != nil {
		t.Fatal(err)
	}
	needs := c.Needs()
	var variables []string
	for _, v := range needs.Variables {
		if v.Optional {
			v.Name += "?"
		}
		variables = append(variables, v.Name)
	}
	if want := "ADMIN_TOKEN AMQP_URL HOME? HOOK KEY NAME? SIGNING_KEY TOKEN"; strings.Join(variables, " ") != want {
		t.Errorf("the variables are %q, want %q", variables, want)
	}
	if want := []string{"/run/certificates/ca.pem", "/run/secrets/management", "/run/secrets/password"}; !slices.Equal(needs.Files, want) {
		t.Errorf("the files are %q, want %q", needs.Files, want)
	}
	if want := []string{"admin.metrics_token", "queues.0.handlers.1.webhook.headers.0.value"}; !slices.Equal(needs.Plain, want) {
		t.Errorf("the secrets in the file are %q, want %q", needs.Plain, want)
	}
	for path, want := range map[string]string{"broker.management_url": "management", "admin.token": "ADMIN_TOKEN", "admin.metrics_token": "", "broker.url": "AMQP_URL"} {
		if got := needs.Key(path); got != want {
			t.Errorf("the key of %s is %q, want %q", path, got, want)
		}
	}
	if c.Queues[0].Name != "mail" {
		t.Errorf("the queue is %q, want the default of its variable", c.Queues[0].Name)
	}
}
