package config

import (
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/warren-mq/warren/schedule"
)

// checkSettings finds what no schema can say of what is in no list.
func (d *document) checkSettings(c *Config) {
	if !d.bad["admin"] {
		d.checkAdmin(c.Admin)
	}
	d.checkBroker(c.Broker)
}

func (d *document) checkBroker(b Broker) {
	if (b.Username == "") != b.Password.IsZero() {
		d.complainf("broker", "username and password go together")
	}
	if text := known(b.ManagementURL); text != "" {
		if err := checkManagementURL(text); err != nil {
			d.complainf("broker.management_url", "management_url is wrong: %v", err)
		}
	}
	d.checkPair("broker.tls", b.TLS.CertFile, b.TLS.KeyFile)
	d.checkIntervals("broker.backoff", b.Backoff.InitialInterval, b.Backoff.MaxInterval)
	secure := false
	for i, u := range append([]Secret{b.URL}, b.URLs...) {
		path := "broker.url"
		if i > 0 {
			path = join("broker.urls", strconv.Itoa(i-1))
		}
		if d.bad[path] {
			secure = true // perhaps
			continue
		}
		text := known(u)
		if i > 0 && text == Embedded || text == Embedded && len(b.URLs) > 0 {
			d.complainf(path, "%s is embedded:, which excludes every other URL", last(path))
		} else if err := checkBrokerURL(text); err != nil {
			d.complainf(path, "%s is wrong: %v", last(path), err)
		}
		secure = secure || strings.HasPrefix(strings.ToLower(text), "amqps:")
	}
	if b.TLS != (TLS{}) && !secure {
		d.complainf("broker.tls", "tls has no meaning without an amqps:// URL")
	}
}

// checkRunnable finds what keeps a runner from starting.
func (d *document) checkRunnable(c *Config, over []override) {
	switch {
	case !d.sound("broker", "url", "urls"):
	case c.Broker.IsEmpty():
		d.complainf("broker.url", `broker.url is empty, want amqp://user:password@host:port/vhost (is AMQP_URL set?), or embedded: for a broker in memory, which "runner dev" uses by itself`)
	case c.Broker.IsEmbedded() && d.byVariable("broker.url", over):
		d.complainf("broker.url", `broker.url is embedded: by a variable, want embedded: itself, or a RabbitMQ; "runner dev" takes either`)
	}
	if len(c.Queues) == 0 && len(c.Schedules) == 0 && !d.bad["queues"] && !d.bad["schedules"] {
		d.complainf("", `there are neither queues nor schedules, so a runner has nothing to do; "runner config init" writes an example`)
	}
}

// byVariable reports whether the value at path comes from a text with variables.
func (d *document) byVariable(path string, over []override) bool {
	n := d.notes[d.nodes[path]]
	return n != nil && n.source != "" && !slices.ContainsFunc(over, func(o override) bool { return o.path == path })
}

// minToken is what cannot be guessed.
const minToken = 16

func (d *document) checkAdmin(a Admin) {
	switch {
	case a.Token.IsZero() && !isLoopback(a.Listen):
		d.complainf("admin.listen", "listen is %q, which is not loopback, and token is missing, want both or such as 127.0.0.1:8081", a.Listen)
	case !a.Token.IsZero() && len(known(a.Token)) < minToken:
		d.complainf("admin.token", "token is shorter than %d bytes", minToken)
	}
	switch metrics := known(a.MetricsToken); {
	case a.MetricsToken.IsZero():
	case len(metrics) < minToken:
		d.complainf("admin.metrics_token", "metrics_token is shorter than %d bytes", minToken)
	case !a.Token.IsZero() && metrics == known(a.Token):
		d.complainf("admin.metrics_token", "metrics_token is the token, want another: who scrapes must not control")
	}
}

func isLoopback(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	return err != nil || host == "localhost" || net.ParseIP(host).IsLoopback()
}

func (d *document) checkSchedule(path string, s Schedule) {
	d.checkKnown(join(path, "exchange"), s.Exchange)
	if s.Exchange == "" && s.Key == "" && d.sound(path, "exchange", "key") {
		d.complainf(path, "the schedule has neither exchange nor key, want an exchange, or the name of a queue as key")
	}
	if s.MaxMissed > 0 && s.Missed != "all" && d.sound(path, "missed") {
		d.complainf(join(path, "max_missed"), "max_missed has no meaning without missed: all")
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
