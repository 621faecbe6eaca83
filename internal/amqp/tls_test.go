package amqp_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/internal/amqp"
	"github.com/warren-mq/warren/internal/rabbit"
	"github.com/warren-mq/warren/message"
)

func inPEM(t *testing.T, a rabbit.Authority, c tls.Certificate) rabbit.Certificates {
	t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	block := func(kind string, der []byte) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	}
	return rabbit.Certificates{CA: block("CERTIFICATE", a.Cert.Raw), Cert: block("CERTIFICATE", c.Certificate[0]), Key: block("PRIVATE KEY", key)}
}

// TestTLS speaks to a node that shows a certificate for localhost.
func TestTLS(t *testing.T) {
	rabbit.NeedsNetwork(t, "its certificates are of hosts")
	t.Parallel()
	ours, foreign := rabbit.NewAuthority(t), rabbit.NewAuthority(t)
	node := rabbit.StartTLS(t, inPEM(t, ours, ours.Issue(t, "localhost", x509.ExtKeyUsageServerAuth)), "signup")
	url := node.URL()
	client := func(a rabbit.Authority, name string) []tls.Certificate {
		return []tls.Certificate{a.Issue(t, name, x509.ExtKeyUsageClientAuth)}
	}
	as := func(user string) string { return strings.Replace(url, "://", "://"+user+"@", 1) }
	byAddress := strings.Replace(as("guest:guest"), "localhost", "127.0.0.1", 1)
	tests := []struct {
		name string
		url  string
		tls  *tls.Config
		user string // as whom the node knows the connection; none if it must fail
		want string // a pattern of the error
	}{
		{"a password over TLS", as("guest:guest"), &tls.Config{RootCAs: ours.Pool()}, "guest", ""},
		{"the default user over TLS", url, &tls.Config{RootCAs: ours.Pool()}, "guest", ""},
		{"a client certificate is the user", url, &tls.Config{RootCAs: ours.Pool(), Certificates: client(ours, "signup")}, "signup", ""},
		{"a user in the URL beats the certificate", as("guest:guest"), &tls.Config{RootCAs: ours.Pool(), Certificates: client(ours, "signup")}, "guest", ""},
		{"a name for another address", byAddress, &tls.Config{RootCAs: ours.Pool(), ServerName: "localhost"}, "guest", ""},
		{"the system does not know our authority", as("guest:guest"), nil, "", "certificate signed by unknown authority"},
		{"another authority", as("guest:guest"), &tls.Config{RootCAs: foreign.Pool()}, "", "certificate signed by unknown authority"},
		{"the certificate is for another name", byAddress, &tls.Config{RootCAs: ours.Pool()}, "", "127.0.0.1"},
		{"a certificate of a user who does not exist", url, &tls.Config{RootCAs: ours.Pool(), Certificates: client(ours, "stranger")}, "", "refused"},
		{"a client certificate of another authority", url, &tls.Config{RootCAs: ours.Pool(), Certificates: client(foreign, "signup")}, "", "tls|closed network connection"}, // TLS 1.3: the alert may come after the handshake
		{"TLS to the port without it", strings.Replace(rabbit.URL(t), "amqp://", "amqps://", 1), &tls.Config{RootCAs: ours.Pool()}, "", "tls"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := amqp.Config{URL: tt.url, TLS: tt.tls}
			s, err := amqp.Dial(t.Context(), cfg, "test")
			if err != nil {
				if tt.want == "" || !regexp.MustCompile(tt.want).MatchString(err.Error()) {
					t.Errorf("Dial returned %v, want %q", err, tt.want)
				}
				return
			}
			if tt.want != "" {
				t.Errorf("connected, want %q", tt.want)
			}
			if tt.tls.ServerName != "" && tt.url != byAddress {
				t.Errorf("our own configuration now has the server's name %s", tt.tls.ServerName)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			// The node takes a message that names a user from that user alone.
			if err := runSender(t, cfg).Send(t.Context(), "amq.fanout", "", &message.Message{UserID: tt.user}); !errors.Is(err, amqp.ErrUnroutable) {
				t.Errorf("a message of %s gives %v, want ErrUnroutable", tt.user, err)
			}
		})
	}
	t.Run("a client certificate without the right to log in is refused for good", func(t *testing.T) {
		cfg := amqp.Config{URL: url, StartupTimeout: time.Minute, TLS: &tls.Config{RootCAs: ours.Pool(), Certificates: client(ours, "stranger")}}
		if err := run(t, cfg, nil).after(t, 20*time.Second); !errors.Is(err, amqp.ErrRefused) {
			t.Errorf("Run returned %v, want ErrRefused", err)
		}
	})
	t.Run("messages pass, large ones too", func(t *testing.T) {
		tlsPublishes(t, amqp.Config{URL: as("guest:guest"), TLS: &tls.Config{RootCAs: ours.Pool()}})
	})
	t.Run("a node that is lost is noticed", func(t *testing.T) {
		s := session(t, amqp.Config{URL: as("guest:guest"), TLS: &tls.Config{RootCAs: ours.Pool()}})
		node.Kill(t)
		<-s.Done()
		if s.Err() == nil || errors.Is(s.Err(), net.ErrClosed) {
			t.Errorf("the session has ended with %v, want the loss", s.Err())
		}
	})
}

func tlsPublishes(t *testing.T, cfg amqp.Config) {
	t.Helper()
	conn, err := amqp091.DialTLS(cfg.URL, cfg.TLS)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	queue := rabbit.Queue(t)
	if _, err := ch.QueueDeclare(queue, true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	if err := ch.QueueBind(queue, "in", "amq.topic", false, nil); err != nil {
		t.Fatal(err)
	}
	p := publisher(t, cfg, "amq.topic")
	large := strings.Repeat("0123456789", 100_000)
	if err := p.PublishBatch(t.Context(), broker.Item{Key: "in", Body: "small"}, broker.Item{Key: "in", Body: []byte(large)}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"small"`, large} {
		if d, _, err := ch.Get(queue, true); err != nil || string(d.Body) != want {
			t.Errorf("got %d bytes (%v), want %d", len(d.Body), err, len(want))
		}
	}
}
