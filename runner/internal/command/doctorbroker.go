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

// checkBroker connects to each node, and keeps the first session.
func (e *examination) checkBroker(ctx context.Context) {
	b, err := wiring.Broker(e.config.Broker)
	if err != nil {
		e.failf("broker", "Create the file of the secret or certificate, or correct its path.", "%v", err)
		return
	}
	if wiring.IsEmbedded(b) || wiring.IsEmpty(b) {
		running, err := e.program.broker(ctx, e.config)
		switch {
		case err != nil && wiring.IsEmpty(b):
			e.failf("broker", "Set AMQP_URL or broker.url to a RabbitMQ, or write embedded: for a broker in memory.", "broker.url is empty, and no runner with a broker in memory is running")
			return
		default:
			e.warnf("broker", "Set broker.url to a RabbitMQ for anything but development.", "the broker is in memory; its messages are lost when the runner ends")
		}
		if err != nil {
			return // embedded: without a running runner is not a fault
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
		e.failf("reach", "Start RabbitMQ there, or correct broker.url. Check name resolution and firewalls.", "%s does not answer: %v", address, err)
		return false
	}
	_ = conn.Close() // nothing was written
	e.okf("reach", "%s answers within %v", address, time.Since(began).Round(time.Millisecond))
	return true
}

// soon is how long before its end a certificate should be renewed.
const soon = 14 * 24 * time.Hour

func (e *examination) checkTLS(ctx context.Context, secure bool, host, address string) {
	if !secure {
		if ip := net.ParseIP(host); host != "localhost" && !ip.IsLoopback() {
			e.warnf("tls", "Use amqps:// and, unless the system trusts it, broker.tls.ca_file.", "the password and messages are sent to %s without encryption", address)
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
	secured, _ := conn.(*tls.Conn)      // a tls.Dialer returns a *tls.Conn
	e.checkCertificate(address, c, secured.ConnectionState())
}

func (e *examination) checkCertificate(address string, c *tls.Config, s tls.ConnectionState) {
	end := s.PeerCertificates[0].NotAfter
	switch left := time.Until(end); {
	case c.InsecureSkipVerify:
		e.warnf("tls", "Set broker.tls.ca_file, and insecure_skip_verify to false.", "the certificate of %s is not verified", address)
	case left < soon:
		e.warnf("tls", "Renew the broker's certificate.", "the certificate of %s expires in %s", address, rounded(left))
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
		e.failf("access", "Run rabbitmqctl add_vhost if the virtual host is missing, and rabbitmqctl set_permissions -p VHOST USER '.*' '.*' '.*'", "%v", err)
	case errors.Is(err, broker.ErrRefused):
		e.failf("access", "Correct the user and password in broker.url; check them with rabbitmqctl authenticate_user USER PASSWORD. The user guest may log in only from the broker's own machine.", "%v", err)
	default:
		e.failf("access", "Check that this is an AMQP 0-9-1 port. amqps needs the port with TLS and broker.tls, amqp the port without TLS.", "%v", err)
	}
	switch {
	case err != nil:
	case e.session == nil:
		e.session = s
	default:
		_ = s.Close() // the checks use one session
	}
}

// hostOf returns the virtual host of a URL.
func hostOf(u *url.URL) string {
	if name := strings.TrimPrefix(u.Path, "/"); name != "" {
		return name
	}
	return "/"
}
