package job_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/warren-mq/warren/job"
	"github.com/warren-mq/warren/message"
)

// certificate makes one that signs itself, for a server and a client on 127.0.0.1, and
// writes it and its key to files.
func certificate(t *testing.T) (cert tls.Certificate, certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
	certFile, keyFile = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	for name, content := range map[string][]byte{certFile: certPEM, keyFile: keyPEM} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if cert, err = tls.X509KeyPair(certPEM, keyPEM); err != nil {
		t.Fatal(err)
	}
	return cert, certFile, keyFile
}

func TestWebhookVerifiesTLS(t *testing.T) {
	t.Parallel()
	ours, certFile, keyFile := certificate(t)
	_, othersCert, othersKey := certificate(t)
	clients := x509.NewCertPool()
	clients.AddCert(ours.Leaf)
	tests := map[string]struct {
		config *tls.Config
		change func(w *job.Webhook)
		want   string
	}{
		"a server whose authority is in CAFile is trusted": {&tls.Config{}, func(w *job.Webhook) { w.CAFile = certFile }, ""},
		"a server of an unknown authority is not":          {&tls.Config{}, func(*job.Webhook) {}, "certificate signed by unknown authority"},
		"a server of another authority is not":             {&tls.Config{}, func(w *job.Webhook) { w.CAFile = othersCert }, "x509:"},
		"a server of another name is not": {&tls.Config{}, func(w *job.Webhook) {
			w.CAFile, w.URL = certFile, strings.Replace(w.URL, "127.0.0.1", "localhost", 1)
		}, "x509:"},
		"a server that speaks TLS 1.1 is not": {&tls.Config{MaxVersion: tls.VersionTLS11}, func(w *job.Webhook) { w.CAFile = certFile }, "protocol version"},
		"a client certificate is shown": {&tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients}, func(w *job.Webhook) {
			w.CAFile, w.CertFile, w.KeyFile = certFile, certFile, keyFile
		}, ""},
		"another client certificate is refused": {&tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients}, func(w *job.Webhook) {
			w.CAFile, w.CertFile, w.KeyFile = certFile, othersCert, othersKey
		}, "https://127.0.0.1:"}, // why comes behind the handshake, and may be too late to be told
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				if r.ProtoMajor != 2 {
					t.Errorf("the request came by %s, want HTTP/2", r.Proto)
				}
			}))
			s.Config.ErrorLog = log.New(io.Discard, "", 0)
			tt.config.Certificates = []tls.Certificate{ours}
			s.TLS, s.EnableHTTP2 = tt.config, true
			s.StartTLS()
			t.Cleanup(s.Close)
			w := job.Webhook{URL: s.URL, AllowPrivate: true}
			tt.change(&w)
			err := handler(t, w).Handle(t.Context(), &message.Message{})
			if (err == nil) != (tt.want == "") || !strings.Contains(text(err), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestWebhookSaysWhichFileCannotBeRead(t *testing.T) {
	t.Parallel()
	_, certFile, keyFile := certificate(t)
	tests := map[string]struct {
		w    job.Webhook
		want string
	}{
		"no CA file":             {job.Webhook{CAFile: "/none"}, "job: CAFile: open /none: no such file or directory"},
		"a CA file with a key":   {job.Webhook{CAFile: keyFile}, "has no certificate, want at least one in PEM format"},
		"no key file":            {job.Webhook{CertFile: certFile, KeyFile: "/none"}, "job: CertFile and KeyFile: open /none: no such file or directory"},
		"a key file with no key": {job.Webhook{CertFile: certFile, KeyFile: certFile}, "job: CertFile and KeyFile: tls: "},
	}
	for name, tt := range tests {
		tt.w.URL = "https://example.com"
		if h, err := tt.w.Handler(); h != nil || !strings.Contains(text(err), tt.want) {
			t.Errorf("%s: got %v, want %q and no handler", name, err, tt.want)
		}
	}
}
