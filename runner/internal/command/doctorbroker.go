package command

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/runner/internal/wiring"
)

// checkBroker tries each node, and keeps the session with the first that can be had.
func (e *examination) checkBroker(ctx context.Context) {
	b, err := wiring.Broker(e.config.Broker)
	if err != nil {
		e.failf("broker", "Put the secret or certificate there, or correct its path.", "%v", err)
		return
	}
	if wiring.IsEmbedded(b) || wiring.IsEmpty(b) {
		running, err := e.program.broker(ctx, e.config)
		switch {
		case err != nil && wiring.IsEmpty(b):
			e.failf("broker", "Set AMQP_URL or broker.url to a RabbitMQ, or write embedded: for a broker in memory.", "there is no broker URL, and no runner with a broker in memory is at work")
			return
		default:
			e.warnf("broker", "Set broker.url to a RabbitMQ for anything but development.", "the broker is in memory and is gone with the runner")
		}
		if err != nil {
			return // embedded: without a runner at work is no fault
		}
		b = running
	}
	e.broker = b
	for _, raw := range append([]string{b.URL}, b.URLs...) {
		if raw != "" {
			e.checkNode(ctx, raw)
		}
	}
}

func (e *examination) checkNode(ctx context.Context, raw string) {
	u, err := url.Parse(raw)
	if err != nil {
		e.failf("broker", "Write special characters of the password as %XX.", "broker.url is not a URL")
		return
	}
	secure := u.Scheme == "amqps"
	port := map[bool]string{false: "5672", true: "5671"}[secure]
	if u.Port() != "" {
		port = u.Port()
	}
	address := net.JoinHostPort(u.Hostname(), port)
	if !e.checkReach(ctx, address) {
		return
	}
	e.checkTLS(ctx, secure, u.Hostname(), address)
	e.checkAccess(ctx, raw, u)
}

func (e *examination) checkReach(ctx context.Context, address string) bool {
	ctx, cancel := context.WithTimeout(ctx, e.broker.DialTimeout)
	defer cancel()
	began := time.Now()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		e.failf("reach", "Start RabbitMQ there, or correct broker.url; look at name resolution and firewalls.", "%s does not answer: %v", address, err)
		return false
	}
	_ = conn.Close() // nothing was written
	e.okf("reach", "%s answers within %v", address, time.Since(began).Round(time.Millisecond))
	return true
}

// soon is when a certificate ought to be renewed.
const soon = 14 * 24 * time.Hour

func (e *examination) checkTLS(ctx context.Context, secure bool, host, address string) {
	if !secure {
		if ip := net.ParseIP(host); host != "localhost" && !ip.IsLoopback() {
			e.warnf("tls", "Use amqps:// and, unless the system trusts it, broker.tls.ca_file.", "password and messages travel to %s in clear", address)
		}
		return
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if e.broker.TLS != nil {
		c = e.broker.TLS.Clone()
	}
	if c.ServerName == "" {
		c.ServerName = host
	}
	ctx, cancel := context.WithTimeout(ctx, e.broker.DialTimeout)
	defer cancel()
	conn, err := (&tls.Dialer{Config: c}).DialContext(ctx, "tcp", address)
	if err != nil {
		e.failf("tls", "Set broker.tls: ca_file for the authority, server_name for another name, cert_file and key_file if clients need a certificate.", "%s: %v", address, err)
		return
	}
	defer func() { _ = conn.Close() }() // nothing was written
	secured, _ := conn.(*tls.Conn)      // a tls.Dialer has no others
	e.checkCertificate(address, c, secured.ConnectionState())
}

func (e *examination) checkCertificate(address string, c *tls.Config, s tls.ConnectionState) {
	end := s.PeerCertificates[0].NotAfter
	switch left := time.Until(end); {
	case c.InsecureSkipVerify:
		e.warnf("tls", "Set broker.tls.ca_file, and insecure_skip_verify to false.", "the certificate of %s is not verified", address)
	case left < soon:
		e.warnf("tls", "Renew the broker's certificate.", "the certificate of %s ends in %s", address, rounded(left))
	default:
		e.okf("tls", "%s with a certificate until %s", tls.VersionName(s.Version), end.UTC().Format(time.DateOnly))
	}
}

// checkAccess logs in.
func (e *examination) checkAccess(ctx context.Context, raw string, u *url.URL) {
	s, err := amqp.Dial(ctx, amqp.Config(wiring.Fixed(e.broker, raw)), "doctor")
	switch {
	case err == nil:
		e.okf("access", "user %q may use virtual host %q", u.User.Username(), hostOf(u))
	case errors.Is(err, broker.ErrRefused) && strings.Contains(err.Error(), "virtual host"):
		e.failf("access", "rabbitmqctl add_vhost, if it is missing, and rabbitmqctl set_permissions -p VHOST USER '.*' '.*' '.*'", "%v", err)
	case errors.Is(err, broker.ErrRefused):
		e.failf("access", "Correct user and password of broker.url: rabbitmqctl authenticate_user USER PASSWORD. guest may log in from the broker's own machine alone.", "%v", err)
	default:
		e.failf("access", "Is this an AMQP 0-9-1 port? amqps needs broker.tls, amqp the port without TLS.", "%v", err)
	}
	switch {
	case err != nil:
	case e.session == nil:
		e.session = s
	default:
		_ = s.Close() // one is enough
	}
}

// hostOf is the virtual host of a URL.
func hostOf(u *url.URL) string {
	if name := strings.TrimPrefix(u.Path, "/"); name != "" {
		return name
	}
	return "/"
}
