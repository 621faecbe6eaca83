package catcher

import (
	"io"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"time"

	sent "github.com/warren-mq/warren/examples/signup/internal/mail"
)

// Mail is a mail that the catcher has accepted.
type Mail struct {
	Number    int // position in the order of arrival, from 1
	At        time.Time
	MessageID string
	From, To  string
	Kind      string // the sender's kind header, such as welcome
	Account   string // the account id in the sender's header
	Subject   string
	Text      string
	Links     []string
}

var link = regexp.MustCompile(`https?://[^\s<>"]+`)

// parse parses mails as package mail sends them: plain text in one part.
func parse(r io.Reader) (m Mail, err error) {
	msg, err := mail.ReadMessage(r)
	if err != nil {
		return m, err
	}
	body := msg.Body
	if strings.EqualFold(msg.Header.Get("Content-Transfer-Encoding"), "quoted-printable") {
		body = quotedprintable.NewReader(body)
	}
	text, err := io.ReadAll(body)
	if err != nil {
		return m, err
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(msg.Header.Get("Subject"))
	if err != nil {
		subject = msg.Header.Get("Subject")
	}
	m = Mail{
		MessageID: strings.Trim(msg.Header.Get("Message-Id"), "<>"), Subject: subject,
		Kind: msg.Header.Get(sent.HeaderKind), Account: msg.Header.Get(sent.HeaderAccount),
		Text: strings.ReplaceAll(string(text), "\r\n", "\n"),
	}
	m.Links = link.FindAllString(m.Text, -1)
	return m, nil
}

// Inbox returns the latest mails to the address, at most limit, the latest first. An empty
// address means all mails.
func (c *Catcher) Inbox(to string, limit int) (latest []Mail) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range slices.Backward(c.mails) {
		if len(latest) == limit {
			break
		}
		if to == "" || strings.EqualFold(m.To, to) {
			latest = append(latest, m)
		}
	}
	return latest
}

// Mail returns the mail with the number, and reports whether it is kept.
func (c *Catcher) Mail(number int) (Mail, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.mails) == 0 {
		return Mail{}, false
	}
	at := number - c.mails[0].Number
	if at < 0 || at >= len(c.mails) {
		return Mail{}, false
	}
	return c.mails[at], true
}

// State is the catcher's settings and counters.
type State struct {
	Stopped  bool
	Delay    time.Duration
	Bounces  []string
	Accepted int64 // mails
	Refused  int64 // recipients that bounced
}

// State returns the current state.
func (c *Catcher) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return State{c.server == nil, c.delay, slices.Clone(c.bounces), c.accepted, c.refused}
}
