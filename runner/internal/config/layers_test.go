package config_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/warren-mq/warren/runner/internal/config"
)

func TestFlagsWinOverTheEnvironmentAndThatOverTheFile(t *testing.T) {
	t.Parallel()
	const file = "log: {level: warn}\n"
	environment := variables{"WARREN_LOG_LEVEL": "error"}
	flags := map[string]string{"log.level": "debug"}
	tests := map[string]struct {
		source        config.Source
		level, origin string
	}{
		"nothing is set":                {config.Source{}, "info", "default"},
		"the file":                      {config.Source{Data: []byte(file)}, "warn", "config.yaml:1"},
		"the environment":               {config.Source{LookupEnv: environment.lookup}, "error", "WARREN_LOG_LEVEL"},
		"the environment over the file": {config.Source{Data: []byte(file), LookupEnv: environment.lookup}, "error", "WARREN_LOG_LEVEL"},
		"a flag":                        {config.Source{Flags: flags}, "debug", "--log-level"},
		"a flag over the file":          {config.Source{Data: []byte(file), Flags: flags}, "debug", "--log-level"},
		"a flag over all":               {config.Source{Data: []byte(file), LookupEnv: environment.lookup, Flags: flags}, "debug", "--log-level"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.source.Name = "config.yaml"
			if tt.source.LookupEnv == nil {
				tt.source.LookupEnv = unset
			}
			c := load(t, tt.source)
			if got := c.Origin("log.level"); c.Log.Level != tt.level || got != tt.origin {
				t.Errorf("got %s from %s, want %s from %s", c.Log.Level, got, tt.level, tt.origin)
			}
		})
	}
}

func TestTheEnvironmentSetsEveryTypeOfSetting(t *testing.T) {
	t.Parallel()
	c := load(t, config.Source{
		Data: []byte("broker: {name: 'of the file', backoff: {multiplier: 3}}\n"),
		LookupEnv: variables{
			"WARREN_BROKER_URL":                          "amqps://user:" + secret + "@rabbit/prod",
			"WARREN_BROKER_URLS":                         "amqp://one, amqp://two",
			"WARREN_BROKER_BACKOFF_RANDOMIZATION_FACTOR": "0.25",
			"WARREN_BROKER_TLS_INSECURE_SKIP_VERIFY":     "true",
			"WARREN_BROKER_HEARTBEAT":                    "20s",
			"WARREN_GRACE":                               "none",
			"WARREN_ADMIN_TOKEN":                         "0123456789abcdef",
			"WARREN_SCHEDULER_NAME":                      "12",
		}.lookup,
	})
	url, err := c.Broker.URL.Reveal()
	second, err2 := c.Broker.URLs[1].Reveal()
	switch {
	case err != nil || url != "amqps://user:"+secret+"@rabbit/prod":
		t.Errorf("got the URL %q and %v", url, err)
	case err2 != nil || second != "amqp://two":
		t.Errorf("got the second URL %q and %v", second, err2)
	case *c.Broker.Backoff.RandomizationFactor != 0.25, !c.Broker.TLS.InsecureSkipVerify, c.Scheduler.Name != "12",
		c.Broker.Heartbeat != config.Duration(20*time.Second), c.Grace != -1, c.Admin.Token.IsZero():
		t.Errorf("got\n%s", c.Show(true))
	case c.Broker.Name != "of the file", c.Broker.Backoff.Multiplier != 3:
		t.Errorf("what is not overridden is lost:\n%s", c.Show(true))
	}
	if shown := string(c.Show(true)); strings.Contains(shown, secret) || strings.Contains(shown, "0123456789abcdef") {
		t.Errorf("a secret is shown:\n%s", shown)
	}
}

func TestFaultsOfOverridesNameTheVariableOrFlag(t *testing.T) {
	t.Parallel()
	_, err := config.Load(config.Source{
		Name: "config.yaml",
		Data: []byte("log: {format: jsn}\n"),
		LookupEnv: variables{
			"WARREN_LOG_LEVEL":                       "inf",
			"WARREN_BROKER_URL":                      "http://" + secret + "@host",
			"WARREN_BROKER_TLS_INSECURE_SKIP_VERIFY": "maybe",
			"WARREN_BROKER_BACKOFF_MULTIPLIER":       "NaN",
		}.lookup,
		Flags: map[string]string{"grace": "30", "log.lvel": "info", "queues": "a"},
	})
	if err == nil {
		t.Fatal("got no error")
	}
	want := strings.Join([]string{
		`--grace: grace is "30": want a duration of more than zero such as "30s", "1m30s" or "1h", or "none"`,
		`--log-lvel: unknown setting "log.lvel", did you mean "log.level"?`,
		`--queues: unknown setting "queues"`,
		`WARREN_BROKER_BACKOFF_MULTIPLIER: broker.backoff.multiplier is "NaN", want a number`,
		`WARREN_BROKER_TLS_INSECURE_SKIP_VERIFY: broker.tls.insecure_skip_verify is "maybe", want true or false`,
		`WARREN_BROKER_URL: broker.url is wrong: AMQP scheme must be either 'amqp://' or 'amqps://'; want amqp://user:password@host:port/vhost or amqps://`,
		`WARREN_LOG_LEVEL: log.level is "inf", want debug, info, warn or error, did you mean "info"?`,
		`config.yaml:1:15: format is jsn, want text or json, did you mean "json"?`,
	}, "\n")
	if err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestAVariableThatSetsNothingIsAWarning(t *testing.T) {
	t.Parallel()
	c := load(t, config.Source{Environ: func() []string {
		return []string{
			"WARREN_LOG_LEVL=debug", "WARREN_LOG_LEVEL=info", "WARREN_SERVICE_PORT_AMQP=5672", "HOME=/", "WARREN_MESSAGE_ID=1",
			"WARREN_HEADER_X_TENANT=a", "WARREN_RUN=x",
		}
	}})
	want := []string{
		`the variable WARREN_LOG_LEVL is ignored: there is no such setting, did you mean "WARREN_LOG_LEVEL"?`,
		"the variable WARREN_SERVICE_PORT_AMQP is ignored: there is no such setting",
	}
	if got := c.Warnings(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
