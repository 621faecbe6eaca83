package catcher

import (
	"io"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-smtp"
)

var (
	errBounced = &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "There is no such mailbox here"}
	errStopped = &smtp.SMTPError{Code: 421, EnhancedCode: smtp.EnhancedCode{4, 3, 2}, Message: "The server is stopping"}
	errUnread  = &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 6, 0}, Message: "This is not a mail that can be read"}
)

// backend makes the sessions of one server, until it is cut.
type backend struct {
	catcher *Catcher
	cut     <-chan struct{}
}

// NewSession begins a conversation with a client.
func (b backend) NewSession(*smtp.Conn) (smtp.Session, error) { return &session{backend: b}, nil }

// session is one conversation. It is used by one goroutine.
type session struct {
	backend

	from string
	to   []string
}

// Mail begins a mail.
func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.from = from
	return nil
}

// Rcpt adds a recipient, unless it bounces.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if s.catcher.bounced(to) {
		return errBounced
	}
	s.to = append(s.to, to)
	return nil
}

// Data takes the mail, as slowly as it is told to.
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

// Reset forgets the mail that was begun.
func (s *session) Reset() { s.from, s.to = "", nil }

// Logout ends the conversation.
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
		c.mails[0] = Mail{} // append copies the rest when the array is full
		c.mails = c.mails[1:]
	}
	if c.onMail != nil {
		c.onMail(m)
	}
}
