package wiring

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/runner/internal/config"
)

// Broker reads the secrets and certificates that c names.
func Broker(c config.Broker) (broker.Config, error) {
	b := broker.Config{
		Name: c.Name, Heartbeat: time.Duration(c.Heartbeat), DialTimeout: time.Duration(c.DialTimeout),
		StartupTimeout: time.Duration(c.StartupTimeout), PublishTimeout: time.Duration(c.PublishTimeout),
		Backoff: c.Backoff.Policy(),
	}
	var err error
	if !c.URL.IsZero() {
		if b.URL, err = c.URL.Reveal(); err != nil {
			return b, fmt.Errorf("runner: broker.url: %w", err)
		}
	}
	for i, secret := range c.URLs {
		url, err := secret.Reveal()
		if err != nil {
			return b, fmt.Errorf("runner: broker.urls.%d: %w", i, err)
		}
		b.URLs = append(b.URLs, url)
	}
	if c.TLS == (config.TLS{}) {
		return b, nil
	}
	b.TLS, err = tlsConfig(c.TLS)
	return b, err
}

// IsEmbedded reports whether c names the broker in memory of a runner.
func IsEmbedded(c broker.Config) bool { return c.URL == config.Embedded }

// IsEmpty reports whether c names no broker.
func IsEmpty(c broker.Config) bool { return c.URL == "" && len(c.URLs) == 0 }

func tlsConfig(c config.TLS) (*tls.Config, error) {
	t := &tls.Config{ServerName: c.ServerName, InsecureSkipVerify: c.InsecureSkipVerify} //nolint:gosec // who asks for it gets it
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("runner: broker.tls.ca_file: %w", err)
		}
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("runner: broker.tls.ca_file: no certificate in %s", c.CAFile)
		}
	}
	switch {
	case c.CertFile == "" && c.KeyFile == "":
		return t, nil
	case c.CertFile == "" || c.KeyFile == "":
		return nil, errors.New("runner: broker.tls: cert_file and key_file go together")
	}
	cert, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("runner: broker.tls.cert_file: %w", err)
	}
	t.Certificates = []tls.Certificate{cert}
	return t, nil
}
