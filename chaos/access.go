package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/warren-mq/warren/broker"
)

// urlsFile contains the addresses and credentials of the workers and publishers, one URL a
// line. They read it before each attempt to connect, so that faults can change it.
const urlsFile = "urls"

// writeURLs replaces the file in one step.
func writeURLs(dir string, urls []string) error {
	next := filepath.Join(dir, urlsFile+".next")
	if err := os.WriteFile(next, []byte(strings.Join(urls, "\n")), 0o600); err != nil {
		return err
	}
	return os.Rename(next, filepath.Join(dir, urlsFile))
}

func readURLs(dir string) ([]string, error) {
	text, err := os.ReadFile(filepath.Join(dir, urlsFile))
	return strings.Fields(string(text)), err
}

// brokerConfig returns a configuration that reads the URLs, and certificates if dir has some,
// before each attempt to connect.
func brokerConfig(dir string) (broker.Config, error) {
	urls, err := readURLs(dir)
	return broker.Config{
		URLs: urls, StartupTimeout: 5 * time.Minute, PublishTimeout: 5 * time.Minute,
		OnConnectFailed: func(string, error) {}, // a fault
		Reload: func(context.Context) ([]string, *tls.Config, error) {
			urls, err := readURLs(dir)
			c, failed := clientTLS(dir)
			return urls, c, errors.Join(err, failed)
		},
	}, err
}

// clientTLS returns nil if dir has no certificates.
func clientTLS(dir string) (*tls.Config, error) {
	ca, err := os.ReadFile(filepath.Join(dir, "ca.pem"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil //nolint:nilnil // means no TLS, as in broker.Config
	}
	cert, failed := tls.LoadX509KeyPair(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"))
	if err := errors.Join(err, failed); err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(ca) {
		return nil, fmt.Errorf("%s/ca.pem contains no certificate", dir)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool, Certificates: []tls.Certificate{cert}}, nil
}
