// Package mail sends mails by SMTP.
package mail

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"time"

	smtp "github.com/wneessen/go-mail"
)

// Headers that say what a mail is about, for those who look into an inbox.
const (
	HeaderKind    = "X-Signup-Kind"
	HeaderAccount = "X-Signup-Account"
)

// Mail is one mail.
type Mail struct {
	ID      string // becomes the Message-ID: the same mail sent twice has the same
	To      string
	Subject string
	Text    string
	Kind    string // such as welcome
	Account string // the id of the account it is about
}

// RefusedError says that the server did not take the mail, for good or for now.
type RefusedError struct {
	Code int // of SMTP; 5xx is for good
	Err  error
}

// Error is what the server said.
func (e *RefusedError) Error() string { return "mail: refused: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *RefusedError) Unwrap() error { return e.Err }

// Permanent says that trying again is useless: a bounce.
func (e *RefusedError) Permanent() bool { return e.Code >= 500 && e.Code < 600 }

// Sender sends mails over one server. It is safe for concurrent use.
type Sender struct {
	host    string
	from    string
	options []smtp.Option
}

// timeout bounds the conversation with a server.
const timeout = 15 * time.Second

// NewSender returns a sender for smtp://user:password@host:port, or smtps:// for TLS
// from the first byte. On smtp:// TLS is used if the server offers it.
func NewSender(server, from string) (*Sender, error) {
	u, err := url.Parse(server)
	if err != nil || u.Hostname() == "" || (u.Scheme != "smtp" && u.Scheme != "smtps") {
		return nil, errors.New("mail: the server's URL is wrong, want smtp://host:port or smtps://host:port")
	}
	s := &Sender{host: u.Hostname(), from: from, options: []smtp.Option{smtp.WithTLSPolicy(smtp.TLSOpportunistic)}}
	if u.Scheme == "smtps" {
		s.options = append(s.options, smtp.WithSSL())
	}
	if port, err := strconv.Atoi(u.Port()); err == nil {
		s.options = append(s.options, smtp.WithPort(port))
	}
	if password, ok := u.User.Password(); ok {
		s.options = append(s.options, smtp.WithSMTPAuth(smtp.SMTPAuthAutoDiscover),
			smtp.WithUsername(u.User.Username()), smtp.WithPassword(password))
	}
	_, err = smtp.NewClient(s.host, s.options...)
	return s, err
}

// Send sends m over a connection of its own, and returns nil once the server has
// taken it. It ends with the deadline of ctx. The error is a *RefusedError if the server has said so.
func (s *Sender) Send(ctx context.Context, m Mail) error {
	msg, err := s.compose(m)
	if err != nil {
		return err
	}
	client, err := smtp.NewClient(s.host, append(slices.Clip(s.options), smtp.WithTimeout(limit(ctx)))...)
	if err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	conversation, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	err = client.SendWithSMTPClient(conversation, msg)
	_ = client.CloseWithSMTPClient(conversation) // what was taken is taken, however the farewell goes
	if e, ok := errors.AsType[*smtp.SendError](err); ok && e.ErrorCode() > 0 {
		return &RefusedError{e.ErrorCode(), err}
	}
	if err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	return nil
}

// limit is how long a conversation may take. Once it is connected it heeds no context.
func limit(ctx context.Context) time.Duration {
	if deadline, ok := ctx.Deadline(); ok {
		return max(min(timeout, time.Until(deadline)), time.Millisecond)
	}
	return timeout
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
