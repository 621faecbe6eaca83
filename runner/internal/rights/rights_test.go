package rights_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/runner/internal/rights"
	"github.com/warren-mq/warren/topology"
)

func load(t *testing.T, text string) *config.Config {
	t.Helper()
	c, err := config.Load(config.Source{Name: "config.yaml", Data: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const oneQueue = `
broker: {url: "amqp://broker/"}
fleet: {announce: false}
queues: [{name: a.b, handlers: [{key: a.b, log: {}}]}]
`

// TestPermissionsNameNothingElse compares the whole patterns.
func TestPermissionsNameNothingElse(t *testing.T) {
	t.Parallel()
	const shared = `warren\.delay\.[0-9]+s|warren\.delay\.due|warren\.dlx|warren\.unrouted`
	for name, tt := range map[string]struct {
		config string
		role   rights.Role
		mode   topology.Mode
		want   topology.Permissions
	}{
		"a worker that declares": {oneQueue, rights.RoleWorker, topology.Manage, topology.Permissions{
			Configure: `^(a\.b|a\.b\.delay|a\.b\.dlq|` + shared + `)$`,
			Write:     `^(a\.b\.delay|a\.b\.dlq|amq\.default|` + shared + `)$`,
			Read:      `^(a\.b|a\.b\.delay|` + shared + `)$`,
		}},
		"a worker that verifies": {oneQueue, rights.RoleWorker, topology.Verify, topology.Permissions{
			Configure: `^$`, Write: `^(a\.b\.dlq|amq\.default|warren\.delay\.[0-9]+s|warren\.dlx|warren\.unrouted)$`, Read: `^(a\.b|a\.b\.delay)$`,
		}},
		"a publisher": {oneQueue, rights.RolePublisher, topology.Manage, topology.Permissions{Configure: `^$`, Write: `^(amq\.default)$`, Read: `^$`}},
		"a publisher with delays": {oneQueue, rights.RoleDelaying, topology.Manage, topology.Permissions{
			Configure: `^(a\.b\.delay|warren\.delay\.due|warren\.dlx)$`,
			Write:     `^(a\.b\.delay|amq\.default|warren\.dlx|warren\.unrouted)$`,
			Read:      `^(a\.b\.delay|warren\.delay\.due)$`,
		}},
		"a publisher with delays that trusts": {oneQueue, rights.RoleDelaying, topology.Trust, topology.Permissions{Configure: `^$`, Write: `^(amq\.default)$`, Read: `^$`}},
		"a queue of others beside own queues": {
			`
broker: {url: "amqp://broker/"}
fleet: {announce: false}
queues:
  - name: theirs
    topology: trust
    dead_letters: {exchange: their.dlx, key: failed}
    handlers: [{key: "#", log: {}}]
`, rights.RoleWorker, topology.Manage, topology.Permissions{
				Configure: `^(theirs\.delay|` + shared + `)$`,
				Write:     `^(amq\.default|their\.dlx|theirs\.delay|` + shared + `)$`,
				Read:      `^(theirs|theirs\.delay|warren\.delay\.[0-9]+s|warren\.delay\.due|warren\.unrouted)$`,
			},
		},
		"a stream without anything else": {
			`
broker: {url: "amqp://broker/"}
fleet: {announce: false}
queues: [{name: s, type: stream, dead_letters: {discard: true}, handlers: [{key: "#", log: {}}]}]
`, rights.RoleWorker, topology.Trust, topology.Permissions{Configure: `^$`, Write: `^(warren\.dlx)$`, Read: `^(s)$`},
		},
		"a queue of each process": {
			`
broker: {url: "amqp://broker/"}
fleet: {announce: false}
exchanges: [{name: x}]
queues: [{name: each, exchange: x, per_process: true, dead_letters: {queue: dead}, handlers: [{key: "#", log: {}}]}]
`, rights.RoleWorker, topology.Trust, topology.Permissions{
				Configure: `^(each\.[A-Z2-7]{12})$`,
				Write:     `^(amq\.default|dead|each\.[A-Z2-7]{12}|warren\.delay\.[0-9]+s|warren\.dlx|warren\.unrouted|x)$`,
				Read:      `^(each\.[A-Z2-7]{12}|warren\.delayed\.x|x)$`,
			},
		},
		"a limit that runners share": {
			`
broker: {url: "amqp://broker/"}
fleet: {announce: false}
queues: [{name: a, limit: {name: l, concurrency: 2}, dead_letters: {discard: true}, hold_retries: true, type: stream, handlers: [{key: a, limit: {name: r, rate: 1}, log: {}}]}]
`, rights.RoleWorker, topology.Trust, topology.Permissions{
				Configure: `^$`, Write: `^(amq\.default|warren\.dlx)$`, Read: `^(a|warren\.limit\.l\.[0-9]+|warren\.limit\.r\.rate\.[0-9]+)$`,
			},
		},
		"a queue whose handler replies": {
			`
broker: {url: "amqp://broker/"}
fleet: {announce: false}
queues: [{name: a, dead_letters: {discard: true}, hold_retries: true, type: stream, handlers: [{key: a, exec: {command: [a]}, replies: {}}]}]
`, rights.RoleWorker, topology.Trust, topology.Permissions{
				Configure: `^$`, Write: `^(amq\.default|warren\.dlx)$`, Read: `^(a)$`,
			},
		},
		"schedules alone": {
			`
broker: {url: "amqp://broker/"}
scheduler: {name: g}
exchanges: [{name: x}]
schedules: [{name: tick, cron: "@hourly", exchange: x, key: k}]
`, rights.RoleWorker, topology.Trust, topology.Permissions{
				Configure: `^$`, Write: `^(amq\.default|x)$`, Read: `^(warren\.schedule\.state\.g|warren\.schedule\.token\.g)$`,
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := rights.WithMode(load(t, tt.config), "", tt.mode)
			if got := rights.Of(tt.role, c, "").Permissions(); got != tt.want {
				t.Errorf("got\n%q\nwant\n%q", got, tt.want)
			}
		})
	}
}

// TestABrokerHasItsOwnPermissions, also for what is forwarded or emitted to it.
func TestABrokerHasItsOwnPermissions(t *testing.T) {
	t.Parallel()
	c := load(t, `
broker: {url: "amqp://broker/"}
brokers: [{name: billing, url: "amqp://other/", topology: trust}]
fleet: {announce: false}
exchanges: [{name: archive}, {name: copies}, {name: paid}]
queues:
  - {name: mail, handlers: [{key: mail, forward: {broker: billing, exchange: copies}}]}
  - {name: bills, broker: billing, handlers: [{key: bills, forward: {exchange: archive}}, {key: b, exec: {command: [a]}, emits: {exchange: paid}}]}
`)
	for name, tt := range map[string]struct{ has, lacks string }{
		"":        {"mail.dlq", "bills bills.dlq copies archive paid"},
		"billing": {"bills.dlq copies archive paid", "mail mail.dlq"},
	} {
		p := rights.Worker(c, name).Permissions()
		write := regexp.MustCompile(p.Write)
		for one := range strings.FieldsSeq(tt.has) {
			if !write.MatchString(one) {
				t.Errorf("broker %q: %s does not match %s", name, one, p.Write)
			}
		}
		for one := range strings.FieldsSeq(tt.lacks) {
			if write.MatchString(one) || regexp.MustCompile(p.Read).MatchString(one) {
				t.Errorf("broker %q: %s matches %s or %s", name, one, p.Write, p.Read)
			}
		}
		if (p.Configure == "^$") != (name == "billing") {
			t.Errorf("broker %q: configure is %s", name, p.Configure)
		}
	}
}
