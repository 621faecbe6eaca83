package devbroker_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/devbroker"
)

func TestExternal(t *testing.T) {
	t.Parallel()
	ours, theirs := newAuthority(t), newAuthority(t)
	server := ours.issue(t, "localhost", x509.ExtKeyUsageServerAuth)
	for name, tt := range map[string]struct {
		from authority
		name string
		want string // pattern of the error
	}{
		"a user is who the certificate says":                      {ours, "u", ""},
		"a certificate of somebody who is no user lets nobody in": {ours, "v", regexp.QuoteMeta(amqp.ErrCredentials.Error())},
		"a certificate of another authority is refused":           {theirs, "u", "tls: |not open"}, // the client may learn of the end before the reason
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := listen(t, devbroker.Config{
				TLS: &tls.Config{
					Certificates: []tls.Certificate{server}, ClientCAs: ours.pool(),
					ClientAuth: tls.VerifyClientCertIfGiven, MinVersion: tls.VersionTLS12,
				},
				Users: []devbroker.User{{Name: "u", Password: "never told", Configure: "^$"}},
			})
			if !strings.HasPrefix(b.URL(), "amqps://") {
				t.Fatalf("URL %s, want amqps://", b.URL())
			}
			conn, err := amqp.DialTLS_ExternalAuth(b.URL(), &tls.Config{
				RootCAs: ours.pool(), ServerName: "localhost", MinVersion: tls.VersionTLS12,
				Certificates: []tls.Certificate{tt.from.issue(t, tt.name, x509.ExtKeyUsageClientAuth)},
			})
			if err != nil || tt.want != "" {
				if err == nil || tt.want == "" || !regexp.MustCompile(tt.want).MatchString(err.Error()) {
					t.Errorf("got %v, want %q", err, tt.want)
				}
				return
			}
			err = declaring("q", nil)(open(t, conn).Channel)
			check(t, "beyond the user's permissions", text(err), refusal("configure access to queue 'q'", "4.3"))
		})
	}
}

func TestTLSWithoutACertificateOfTheClient(t *testing.T) {
	t.Parallel()
	authority := newAuthority(t)
	b := listen(t, devbroker.Config{TLS: &tls.Config{
		Certificates: []tls.Certificate{authority.issue(t, "localhost", x509.ExtKeyUsageServerAuth)},
		MinVersion:   tls.VersionTLS12,
	}})
	trust := &tls.Config{RootCAs: authority.pool(), ServerName: "localhost", MinVersion: tls.VersionTLS12}
	conn, err := amqp.DialTLS(b.URL(), trust)
	if err != nil {
		t.Fatal(err)
	}
	c := open(t, conn)
	c.declare("q", nil)
	c.put("q", strings.Repeat("a", 1<<20))
	check(t, "size", len(c.pull().Body), 1<<20)

	over, err := amqp.DialConfig(b.URL(), amqp.Config{TLSClientConfig: trust.Clone(), Dial: b.Dial})
	if err != nil {
		t.Fatalf("over a pipe: %v", err)
	}
	open(t, over)

	bare, err := net.Dial("tcp", strings.TrimSuffix(b.URL()[strings.Index(b.URL(), "@")+1:], "/"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = bare.Close() }()
	if conn, err := amqp.Open(bare, amqp.Config{}); err == nil {
		t.Errorf("gets in without TLS: %v", conn.Close())
	}
}

// authority certifies.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := authority{key: key}
	a.cert = a.sign(t, "test authority", key, &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	return a
}

// sign certifies key for name; the authority itself if it has no certificate yet.
func (a authority) sign(t *testing.T, name string, key *ecdsa.PrivateKey, c *x509.Certificate) *x509.Certificate {
	t.Helper()
	c.SerialNumber = big.NewInt(1)
	c.Subject = pkix.Name{CommonName: name}
	c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent := a.cert
	if parent == nil {
		parent = c
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func (a authority) issue(t *testing.T, name string, usage x509.ExtKeyUsage) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert := a.sign(t, name, key, &x509.Certificate{
		DNSNames: []string{name}, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{usage},
	})
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key}
}

func (a authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}
