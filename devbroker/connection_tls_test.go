package devbroker_test

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"regexp"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/devbroker"
	"github.com/warren-mq/warren/internal/rabbit"
)

func TestExternal(t *testing.T) {
	t.Parallel()
	ours, theirs := rabbit.NewAuthority(t), rabbit.NewAuthority(t)
	server := ours.Issue(t, "localhost", x509.ExtKeyUsageServerAuth)
	for name, tt := range map[string]struct {
		from rabbit.Authority
		name string
		want string // pattern of the error
	}{
		"a user is who the certificate says":            {ours, "u", ""},
		"a certificate of an unknown user is refused":   {ours, "v", regexp.QuoteMeta(amqp.ErrCredentials.Error())},
		"a certificate of another authority is refused": {theirs, "u", "tls: |not open|use of closed"}, // the client may learn of the end before the reason
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := listen(t, devbroker.Config{
				TLS: &tls.Config{
					Certificates: []tls.Certificate{server}, ClientCAs: ours.Pool(),
					ClientAuth: tls.VerifyClientCertIfGiven, MinVersion: tls.VersionTLS12,
				},
				Users: []devbroker.User{{Name: "u", Password: "never told", Configure: "^$"}},
			})
			if !strings.HasPrefix(b.URL(), "amqps://") {
				t.Fatalf("URL %s, want amqps://", b.URL())
			}
			conn, err := amqp.DialTLS_ExternalAuth(b.URL(), &tls.Config{
				RootCAs: ours.Pool(), ServerName: "localhost", MinVersion: tls.VersionTLS12,
				Certificates: []tls.Certificate{tt.from.Issue(t, tt.name, x509.ExtKeyUsageClientAuth)},
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
	authority := rabbit.NewAuthority(t)
	b := listen(t, devbroker.Config{TLS: &tls.Config{
		Certificates: []tls.Certificate{authority.Issue(t, "localhost", x509.ExtKeyUsageServerAuth)},
		MinVersion:   tls.VersionTLS12,
	}})
	trust := &tls.Config{RootCAs: authority.Pool(), ServerName: "localhost", MinVersion: tls.VersionTLS12}
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
