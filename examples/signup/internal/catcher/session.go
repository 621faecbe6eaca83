package catcher

import (
	"io"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-smtp"
)

var (
	errBounced = &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "Mailbox not found"}
	errStopped = &smtp.SMTPError{Code: 421, EnhancedCode: smtp.EnhancedCode{4, 3, 2}, Message: "The server is stopping"}
	errUnread  = &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 6, 0}, Message: "The mail cannot be parsed"}
)

// backend makes the sessions of one server. cut is closed when the server is stopped.
type backend struct {
	catcher *Catcher
	cut     <-chan struct{}
}

// NewSession returns the session for a new connection.
func (b backend) NewSession(*smtp.Conn) (smtp.Session, error) { return &session{backend: b}, nil }

// session is the session of one connection. One goroutine uses it.
type session struct {
	backend

	from string
	to   []string
}

// Mail starts a mail with its sender.
func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.from = from
	return nil
}

// Rcpt adds a recipient, or refuses it if the address bounces.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if s.catcher.bounced(to) {
		return errBounced
	}
	s.to = append(s.to, to)
	return nil
}

// Data keeps the mail after the delay set by Slow.
func (s *session) Data(r io.Reader) error {
	m, err := parse(r)
	if err != nil {
		return errUnread
	}
	m.From, m.To = s.from, strings.Join(s.to, ", ")
	if delay := s.catcher.pause(); delay > 0 {
		select {
		case <-time.After(delay):
		case <-s.cut:
			return errStopped
		}
	}
	s.catcher.keep(m)
	return nil
}

// Reset discards the mail that was started.
func (s *session) Reset() { s.from, s.to = "", nil }

// Logout ends the session.
func (s *session) Logout() error { return nil }

func (c *Catcher) bounced(to string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	bounced := slices.Contains(c.bounces, strings.ToLower(to))
	if bounced {
		c.refused++
	}
	return bounced
}

func (c *Catcher) pause() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.delay
}

func (c *Catcher) keep(m Mail) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.accepted++
	m.Number, m.At = int(c.accepted), time.Now()
	c.mails, c.bytes = append(c.mails, m), c.bytes+len(m.Text)
	for len(c.mails) > maxKept || c.bytes > maxKeptBytes {
		c.bytes -= len(c.mails[0].Text)
		c.mails[0] = Mail{} // free the mail before append copies the rest
		c.mails = c.mails[1:]
	}
	if c.onMail != nil {
		c.onMail(m)
	}
}
