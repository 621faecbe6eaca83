// Package mail sends mails by SMTP.
package mail

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	smtp "github.com/wneessen/go-mail"
)

// Headers with the kind and the account of a mail, which the inbox page reads.
const (
	HeaderKind    = "X-Signup-Kind"
	HeaderAccount = "X-Signup-Account"
)

// Mail is one mail.
type Mail struct {
	ID      string // becomes the Message-ID, so that a mail that is sent twice keeps its Message-ID
	To      string
	Subject string
	Text    string
	Kind    string // such as welcome
	Account string // the id of the account or of the sign-up
}

// RefusedError is the error of a mail that the server refused, permanently or temporarily.
type RefusedError struct {
	Code int // the SMTP status; 5xx is permanent
	Err  error
}

// Error returns the server's answer.
func (e *RefusedError) Error() string { return "mail: refused: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *RefusedError) Unwrap() error { return e.Err }

// Permanent reports whether the refusal is permanent (a bounce), so that retries are useless.
func (e *RefusedError) Permanent() bool { return e.Code >= 500 && e.Code < 600 }

// Sender sends mails through one server. It is safe for concurrent use.
type Sender struct {
	from    string
	host    string
	address string // host and port
	dialer  interface {
		DialContext(ctx context.Context, network, address string) (net.Conn, error)
	}
	options []smtp.Option
}

// timeout bounds each step of an SMTP session.
const timeout = 15 * time.Second

// NewSender returns a sender for smtp://user:password@host:port, or smtps:// for TLS from
// the first byte. The default ports are 25 and 465. With smtp://, the sender uses STARTTLS if
// the server offers it, and requires it if the URL has a password.
func NewSender(server, from string) (*Sender, error) {
	u, err := url.Parse(server)
	if err != nil || u.Hostname() == "" || (u.Scheme != "smtp" && u.Scheme != "smtps") || strings.Trim(u.Path, "/") != "" {
		return nil, errors.New("mail: invalid URL of the server, want smtp://host:port or smtps://host:port")
	}
	if _, err := net.ResolveTCPAddr("tcp", ":"+u.Port()); err != nil {
		return nil, fmt.Errorf("mail: invalid port %s in the server's URL, want 1 to 65535", u.Port())
	}
	plain, port, policy := &net.Dialer{Timeout: timeout}, "25", smtp.TLSOpportunistic
	s := &Sender{from: from, host: u.Hostname(), dialer: plain}
	if u.User != nil {
		policy = smtp.TLSMandatory
		if s.options, err = credentials(u.User); err != nil {
			return nil, err
		}
	}
	if u.Scheme == "smtps" {
		port, policy = "465", smtp.TLSOpportunistic // the connection uses TLS already
		s.dialer = &tls.Dialer{NetDialer: plain, Config: &tls.Config{ServerName: s.host, MinVersion: tls.VersionTLS12}}
	}
	s.address = net.JoinHostPort(s.host, cmp.Or(u.Port(), port))
	s.options = append(s.options, smtp.WithTLSPolicy(policy), smtp.WithTimeout(timeout))
	return s, nil
}

func credentials(u *url.Userinfo) ([]smtp.Option, error) {
	password, _ := u.Password()
	if u.Username() == "" || password == "" {
		return nil, errors.New("mail: incomplete user:password in the server's URL, want both or neither")
	}
	return []smtp.Option{smtp.WithSMTPAuth(smtp.SMTPAuthAutoDiscover), smtp.WithUsername(u.Username()), smtp.WithPassword(password)}, nil
}

// Send sends m over a new connection, and returns nil once the server has accepted it. The
// error is a *RefusedError if the server refused the mail.
func (s *Sender) Send(ctx context.Context, m Mail) error {
	msg, err := s.compose(m)
	if err != nil {
		return err
	}
	conn, err := s.dialer.DialContext(ctx, "tcp", s.address)
	if err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	defer func() { _ = conn.Close() }()                         // go-mail leaves it open if the session does not start
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })() // go-mail ignores ctx
	switch err := s.converse(ctx, conn, msg); {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("mail: %w", context.Cause(ctx))
	default:
		if e, ok := errors.AsType[*smtp.SendError](err); ok && e.ErrorCode() > 0 {
			return &RefusedError{e.ErrorCode(), err}
		}
		return fmt.Errorf("mail: %w", err)
	}
}

// converse sends msg in an SMTP session over conn.
func (s *Sender) converse(ctx context.Context, conn net.Conn, msg *smtp.Msg) error {
	dial := func(context.Context, string, string) (net.Conn, error) { return conn, nil }
	client, err := smtp.NewClient(s.host, append(slices.Clip(s.options), smtp.WithDialContextFunc(dial))...)
	if err != nil {
		return err
	}
	conversation, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return err
	}
	err = client.SendWithSMTPClient(conversation, msg)
	_ = client.CloseWithSMTPClient(conversation) // the mail is accepted already, so an error here does not matter
	return err
}

func (s *Sender) compose(m Mail) (*smtp.Msg, error) {
	msg := smtp.NewMsg()
	if err := errors.Join(msg.From(s.from), msg.To(m.To)); err != nil {
		return nil, fmt.Errorf("mail: %w", err)
	}
	msg.SetMessageIDWithValue(m.ID + "@signup.example")
	msg.SetDate()
	msg.Subject(m.Subject)
	msg.SetGenHeader(HeaderKind, m.Kind)
	msg.SetGenHeader(HeaderAccount, m.Account)
	msg.SetBodyString(smtp.TypeTextPlain, m.Text)
	return msg, nil
}
