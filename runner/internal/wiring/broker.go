package wiring

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/topology"
)

// Broker returns the broker.Config for c. It reads the secrets and certificates now, and
// again at each attempt to connect, because the files may change.
func Broker(c config.Broker) (broker.Config, error) {
	b, err := read(c)
	if err == nil && !IsEmbedded(b) && !IsEmpty(b) {
		b.Reload = func(context.Context) ([]string, *tls.Config, error) {
			b, err := read(c)
			if b.URL != "" {
				b.URLs = append([]string{b.URL}, b.URLs...)
			}
			return b.URLs, b.TLS, err
		}
	}
	return b, err
}

// Fixed returns b with one URL, and with the current secrets.
func Fixed(b broker.Config, url string) broker.Config {
	b.URL, b.URLs, b.Reload = url, nil, nil
	return b
}

func read(c config.Broker) (broker.Config, error) {
	b := broker.Config{
		Name: c.Name, Heartbeat: time.Duration(c.Heartbeat), DialTimeout: time.Duration(c.DialTimeout),
		StartupTimeout: time.Duration(c.StartupTimeout), PublishTimeout: time.Duration(c.PublishTimeout),
		Backoff: c.Backoff.Policy(), Topology: topology.Mode(c.Topology),
	}
	var err error
	if !c.URL.IsZero() {
		if b.URL, err = c.URL.Reveal(); err != nil {
			return b, fmt.Errorf("runner: broker.url: %w", err)
		}
	}
	for i, secret := range c.URLs {
		text, err := secret.Reveal()
		if err != nil {
			return b, fmt.Errorf("runner: broker.urls.%d: %w", i, err)
		}
		b.URLs = append(b.URLs, text)
	}
	if c.TLS != (config.TLS{}) {
		if b.TLS, err = tlsConfig(c.TLS); err != nil {
			return b, err
		}
	}
	if c.Username != "" {
		err = logIn(&b, c)
	}
	return b, err
}

// logIn sets the user and the password of c in the URLs.
func logIn(b *broker.Config, c config.Broker) error {
	password, err := c.Password.Reveal()
	if err != nil {
		return fmt.Errorf("runner: broker.password: %w", err)
	}
	replace := func(raw *string) error {
		u, err := url.Parse(*raw)
		if err != nil {
			return errors.New("runner: broker.url is not a URL") // without the cause, whose text may contain a password
		}
		u.User = url.UserPassword(c.Username, password)
		*raw = u.String()
		return nil
	}
	var errs []error
	if b.URL != "" && b.URL != config.Embedded {
		errs = append(errs, replace(&b.URL))
	}
	for i := range b.URLs {
		errs = append(errs, replace(&b.URLs[i]))
	}
	return errors.Join(errs...)
}

// IsEmbedded reports whether c is the broker in memory of a runner.
func IsEmbedded(c broker.Config) bool { return c.URL == config.Embedded }

// IsEmpty reports whether c has no URL.
func IsEmpty(c broker.Config) bool { return c.URL == "" && len(c.URLs) == 0 }

func tlsConfig(c config.TLS) (*tls.Config, error) {
	t := &tls.Config{ServerName: c.ServerName, InsecureSkipVerify: c.InsecureSkipVerify} //nolint:gosec // the user has set it
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("runner: broker.tls.ca_file: %w", err)
		}
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("runner: broker.tls.ca_file: %s has no certificate, want at least one in PEM format", c.CAFile)
		}
	}
	switch {
	case c.CertFile == "" && c.KeyFile == "":
		return t, nil
	case c.CertFile == "" || c.KeyFile == "":
		return nil, errors.New("runner: broker.tls: only one of cert_file and key_file is set, want both or neither")
	}
	cert, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("runner: broker.tls.cert_file: %w", err)
	}
	t.Certificates = []tls.Certificate{cert}
	return t, nil
}
