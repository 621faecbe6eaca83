package config

import (
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/warren-mq/warren/codec/seal"
	"github.com/warren-mq/warren/schedule"
)

// checkSettings checks what the schema cannot express about settings outside of lists.
func (d *document) checkSettings(c *Config) {
	if !d.bad["admin"] {
		d.checkAdmin(c.Admin)
	}
	d.checkBroker("broker", c.Broker)
	d.checkEffect(c)
}

// checkEffect reports settings that the file sets although it turns off what they belong to.
func (d *document) checkEffect(c *Config) {
	admin := c.Admin
	noAdmin, noConsole := admin.Listen == "none", admin.Console == "off"
	for _, s := range []struct {
		path, switchedBy, off string
		set                   bool
	}{
		{"admin.token", "admin.listen", "none", noAdmin && !admin.Token.IsZero()},
		{"admin.metrics_token", "admin.listen", "none", noAdmin && !admin.MetricsToken.IsZero()},
		{"admin.console", "admin.listen", "none", noAdmin && admin.Console == "full"},
		{"admin.console_keys", "admin.listen", "none", noAdmin && !admin.ConsoleKeys.IsZero()},
		{"admin.console_notes", "admin.listen", "none", noAdmin && admin.ConsoleNotes != ""},
		{"admin.console_keys", "admin.console", "off", noConsole && !admin.ConsoleKeys.IsZero()},
		{"admin.console_notes", "admin.console", "off", noConsole && admin.ConsoleNotes != ""},
		{"admin.metrics_token", "telemetry.prometheus", "false", !c.Telemetry.Prometheus && !admin.MetricsToken.IsZero()},
		{"fleet.users", "fleet.announce", "false", !c.Fleet.Announce && len(c.Fleet.Users) > 0},
	} {
		if s.set && d.nodes[s.path] != nil && !d.bad[s.path] && d.isOff(s.switchedBy, s.off) {
			d.complainf(s.path, "%s is set, want none with %s: %s, which leaves it without effect", last(s.path), s.switchedBy, s.off)
		}
	}
}

// isOff reports whether the file itself has the value off at path. A variable may have another
// value elsewhere.
func (d *document) isOff(path, off string) bool {
	n := d.nodes[path]
	return n != nil && strings.EqualFold(n.Value, off) && d.notes[n].source == ""
}

// checkNamedBroker checks an item of brokers.
func (d *document) checkNamedBroker(path string, b Broker) {
	if b.Name == "" && d.sound(path, "name") {
		d.complainf(path, "name is missing, want the name by which queues choose the broker")
	}
	if !d.sound(path, "url", "urls") {
		return
	}
	switch {
	case b.IsEmpty():
		d.complainf(join(path, "url"), "url is empty, want amqp://user:password@host:port/vhost")
	case b.IsEmbedded():
		d.complainf(join(path, "url"), "url is embedded:, want amqp://user:password@host:port/vhost: only broker can be in memory")
	default:
		d.checkBroker(path, b)
	}
}

func (d *document) checkBroker(at string, b Broker) {
	if (b.Username == "") != b.Password.IsZero() {
		d.complainf(at, "only one of username and password is set, want both or neither")
	}
	if text := known(b.ManagementURL); text != "" {
		if err := checkManagementURL(text); err != nil {
			d.complainf(join(at, "management_url"), "management_url is wrong: %v", err)
		}
	}
	d.checkPair(join(at, "tls"), b.TLS.CertFile, b.TLS.KeyFile)
	d.checkIntervals(join(at, "backoff"), b.Backoff.InitialInterval, b.Backoff.MaxInterval)
	secure := false
	for i, u := range append([]Secret{b.URL}, b.URLs...) {
		path := join(at, "url")
		if i > 0 {
			path = join(join(at, "urls"), strconv.Itoa(i-1))
		}
		if d.bad[path] {
			secure = true // it may be amqps, so report no fault for tls
			continue
		}
		text := known(u)
		if i > 0 && text == Embedded || text == Embedded && len(b.URLs) > 0 {
			d.complainf(path, "%s is embedded:, want no other URL beside it", last(path))
		} else if err := checkBrokerURL(text); err != nil {
			d.complainf(path, "%s is wrong: %v", last(path), err)
		}
		secure = secure || strings.HasPrefix(strings.ToLower(text), "amqps:")
	}
	if b.TLS != (TLS{}) && !secure {
		d.complainf(join(at, "tls"), "tls is set, want an amqps:// URL with it")
	}
}

// checkRunnable checks what a runner needs to start.
func (d *document) checkRunnable(c *Config, over []override) {
	switch {
	case !d.sound("broker", "url", "urls"):
	case !c.usesDefault():
	case c.Broker.IsEmpty():
		d.complainf("broker.url", `broker.url is empty, want amqp://user:password@host:port/vhost (is AMQP_URL set?), or embedded: for a broker in memory; "runner dev" uses a broker in memory if the URL is empty`)
	case c.Broker.IsEmbedded() && d.byVariable("broker.url", over):
		d.complainf("broker.url", `broker.url is embedded: from a variable, want embedded: in the file, or the URL of a RabbitMQ; "runner dev" accepts both`)
	}
	if len(c.Queues) == 0 && len(c.Schedules) == 0 && !d.bad["queues"] && !d.bad["schedules"] {
		d.complainf("", `queues and schedules are empty, want at least one of them; "runner config init" writes an example`)
	}
}

// byVariable reports whether the value at path comes from a text with variables.
func (d *document) byVariable(path string, over []override) bool {
	n := d.notes[d.nodes[path]]
	return n != nil && n.source != "" && !slices.ContainsFunc(over, func(o override) bool { return o.path == path })
}

// minToken is the shortest token that cannot be guessed, in bytes.
const minToken = 16

func (d *document) checkAdmin(a Admin) {
	switch {
	case a.Token.IsZero() && !isLoopback(a.Listen):
		d.complainf("admin.listen", "listen is %q, which is not on loopback, and token is missing, want a token, or a loopback address such as 127.0.0.1:8081", a.Listen)
	case !a.Token.IsZero() && len(known(a.Token)) < minToken:
		d.complainf("admin.token", "token has less than %d bytes, want %[1]d or more", minToken)
	}
	if _, err := seal.ParseKeys([]byte(known(a.ConsoleKeys))); err != nil && !a.ConsoleKeys.IsZero() && !d.source.Elsewhere {
		d.complainf("admin.console_keys", "console_keys is wrong: %v", err)
	}
	switch metrics := known(a.MetricsToken); {
	case a.MetricsToken.IsZero():
	case len(metrics) < minToken:
		d.complainf("admin.metrics_token", "metrics_token has less than %d bytes, want %[1]d or more", minToken)
	case !a.Token.IsZero() && metrics == known(a.Token):
		d.complainf("admin.metrics_token", "metrics_token is equal to token, want another: scrapers must not control the runner")
	}
}

func isLoopback(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	return err != nil || host == "localhost" || net.ParseIP(host).IsLoopback()
}

func (d *document) checkSchedule(path string, s Schedule) {
	d.checkListed("brokers", join(path, "broker"), s.Broker)
	d.checkListed("codecs", join(path, "codec"), s.Codec)
	d.checkKnown(join(path, "exchange"), s.Exchange)
	if s.Exchange == "" && s.Key == "" && d.sound(path, "exchange", "key") {
		d.complainf(path, "the schedule has neither exchange nor key, want an exchange, or the name of a queue in key")
	}
	if s.MaxMissed > 0 && s.Missed != "all" && d.sound(path, "missed") {
		d.complainf(join(path, "max_missed"), "max_missed is set, want none without missed: all")
	}
	if d.bad[path] {
		return
	}
	e := schedule.Entry{
		Name: s.Name, Cron: s.Cron, Timezone: s.Timezone, Exchange: s.Exchange, Key: s.Key, Body: s.Body,
		ContentType: s.ContentType, Missed: schedule.Policy(s.Missed), MaxMissed: s.MaxMissed,
	}
	if err := e.Validate(); err != nil {
		d.complainf(path, "%s", oneLine(err))
	}
}
