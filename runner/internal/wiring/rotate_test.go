package wiring_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/runner/internal/config"
	"github.com/warren-mq/warren/runner/internal/wiring"
)

// selfSigned returns a certificate for localhost that is its own authority.
func selfSigned(t *testing.T) (tls.Certificate, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// TestARotatedCAFileIsUsedAtTheNextDial: the node shows a certificate of a new authority,
// and the file is replaced while the runner tries to connect.
func TestARotatedCAFileIsUsedAtTheNextDial(t *testing.T) {
	t.Parallel()
	_, old := selfSigned(t)
	cert, current := selfSigned(t)
	dev, err := devbroker.Start(devbroker.Config{TLS: &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}})
	if err != nil {
		t.Fatal(err)
	}
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, old, 0o600); err != nil {
		t.Fatal(err)
	}
	file := "broker: {url: " + dev.URL() + ", startup_timeout: 5m, backoff: {initial_interval: 20ms}, tls: {server_name: localhost, ca_file: " + ca + "}}\n"
	c, err := config.Load(config.Source{Name: "config.yaml", Data: []byte(file)})
	if err != nil {
		t.Fatal(err)
	}
	b, err := wiring.Broker(c.Broker)
	if err != nil {
		t.Fatal(err)
	}
	failed := make(chan error, 1)
	b.OnConnectFailed = func(_ string, err error) {
		select {
		case failed <- err:
		default:
		}
	}
	connector := amqp.NewConnector(amqp.Config(b), "test", nil)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- connector.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := dev.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := <-failed; !strings.Contains(err.Error(), "unknown authority") {
		t.Fatalf("with the old authority: %v", err)
	}
	if err := os.WriteFile(ca, current, 0o600); err != nil {
		t.Fatal(err)
	}
	waiting, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if _, err := connector.Session(waiting); err != nil {
		t.Errorf("with the new authority: %v", err)
	}
}
