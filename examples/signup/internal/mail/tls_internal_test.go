package mail

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"testing"

	smtp "github.com/wneessen/go-mail"
)

// talk serves one connection as a server that accepts every password and every mail. It
// returns what the client sent.
func talk(l net.Listener, config *tls.Config, offers string) string {
	conn, err := l.Accept()
	if err != nil {
		return err.Error()
	}
	defer func() { _ = conn.Close() }()
	var said strings.Builder
	_, _ = io.WriteString(conn, "220 here\r\n")
	lines := bufio.NewScanner(conn)
	for lines.Scan() {
		word, _, _ := strings.Cut(lines.Text(), " ")
		said.WriteString(word + " ")
		reply := map[string]string{"EHLO": "250-here\r\n250 " + offers, "STARTTLS": "220 go", "AUTH": "235 ok", "DATA": "354 go", ".": "250 ok", "MAIL": "250 ok", "RCPT": "250 ok", "NOOP": "250 ok", "RSET": "250 ok", "QUIT": "221 bye"}[word]
		if reply != "" {
			_, _ = io.WriteString(conn, reply+"\r\n")
		}
		if word == "STARTTLS" {
			conn = tls.Server(conn, config)
			lines, offers = bufio.NewScanner(conn), "AUTH PLAIN LOGIN"
		}
	}
	return said.String()
}

func TestAPasswordIsSentOnlyToAServerWithACertificate(t *testing.T) {
	t.Parallel()
	known := httptest.NewTLSServer(nil) // for its certificate
	t.Cleanup(known.Close)
	roots := x509.NewCertPool()
	roots.AddCert(known.Certificate())
	for name, tt := range map[string]struct {
		scheme, offers string
		roots          *x509.CertPool
		sends          bool
	}{
		"TLS from the first byte": {"smtps", "AUTH PLAIN LOGIN", roots, true},
		"STARTTLS":                {"smtp", "STARTTLS", roots, true},
		"no TLS, as if an attacker removed STARTTLS": {"smtp", "AUTH PLAIN LOGIN", roots, false},
		"a certificate of an unknown authority":      {"smtps", "AUTH PLAIN LOGIN", nil, false},
		"an unknown authority's after STARTTLS":      {"smtp", "STARTTLS", nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := &tls.Config{Certificates: known.TLS.Certificates}
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			s, err := NewSender(tt.scheme+"://user:secret@"+l.Addr().String(), "a@example.com")
			if err != nil {
				t.Fatal(err)
			}
			if dialer, ok := s.dialer.(*tls.Dialer); ok {
				l = tls.NewListener(l, config)
				dialer.Config.RootCAs = tt.roots
			}
			s.options = append(s.options, smtp.WithTLSConfig(&tls.Config{ServerName: s.host, RootCAs: tt.roots}))
			heard := make(chan string, 1)
			go func() { heard <- talk(l, config, tt.offers) }()
			err = s.Send(t.Context(), Mail{ID: "1", To: "zoe@example.com", Subject: "x", Text: "x"})
			_ = l.Close()
			said := <-heard
			if (err == nil) != tt.sends || strings.Contains(said, "AUTH") != tt.sends || strings.Contains(said, "DATA") != tt.sends {
				t.Errorf("got %v, and the server received %q", err, said)
			}
		})
	}
}
