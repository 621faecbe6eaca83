package job

import (
	"cmp"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/warren-mq/warren/internal/check"
)

// Webhook posts each message to a URL. The request has the message's body, Content-Type
// and Content-Encoding. These headers contain the other properties that the message has:
//
//	Warren-Message-Id  Warren-Attempt  Warren-Queue  Warren-Exchange  Warren-Routing-Key
//	Warren-Type  Warren-Correlation-Id  Warren-Reply-To  Warren-App-Id
//	Warren-Timestamp (RFC 3339)  Warren-Priority  Warren-Redelivered (true or false)
//	Traceparent  Tracestate  Baggage
//	Warren-Header-X-Tenant for a header x-tenant, and so on
//
// Headers larger than 1 KiB are omitted, and so are headers beyond 8 KiB in total.
//
// The status of the response decides about the message. 2xx acknowledges it. After 408,
// 425, 429 and 5xx it is tried again, after the pause in Retry-After if the response has
// one. Every other status dead-letters it. Redirects are not followed, so a 3xx
// dead-letters the message too. Without a response, the message is tried again. At most
// 16 KiB of a response are read, and the end of it becomes the text of the failure. With Emits,
// the response to a 2xx is a message to emit, or a list of messages, or empty. With Replies, it is the
// reply of a call. Errors contain only the scheme and host of the URL: its path and its query, and the
// values of Headers, are **** in what a server repeats.
//
// Connections are reused, with HTTP/2 if the server supports it. Proxies in the
// environment are ignored.
type Webhook struct {
	// URL is an http or https URL without user and password. Send those in an
	// Authorization header.
	URL string
	// Headers are sent with each request. They override the headers above.
	Headers []Header

	// CloudEvents adds the attributes of CloudEvents 1.0 in binary mode: ce-specversion,
	// ce-id (the message id), ce-source, ce-type (the message's type, or its routing key
	// if it has no type) and ce-time. Attributes in the message's headers
	// (cloudEvents:NAME or cloudEvents_NAME, CloudEvents' AMQP binding) override them.
	CloudEvents bool
	// Source is the attribute ce-source. Empty means /EXCHANGE, or /QUEUE for the default
	// exchange.
	Source string

	// SigningKeys sign each request according to Standard Webhooks. Empty means no
	// signature. The request gets the headers webhook-id (the message id),
	// webhook-timestamp (seconds since 1970) and webhook-signature. The signature header
	// contains, for each key and separated by spaces, "v1," and the base64 of the
	// HMAC-SHA256 of ID.TIMESTAMP.BODY. In a key that begins with whsec_, the rest is
	// base64; any other key is used unchanged. A key must have at least 16 bytes.
	SigningKeys []Secret

	// Emits has the server emit messages. Nil means that it emits none.
	Emits *Emits
	// Replies has the server reply to calls. Nil means that it replies to none. Only one of Emits
	// and Replies can be set.
	Replies *Replies

	// Checkpoints has the server save checkpoints, from which the next attempt of the message
	// continues: see package checkpoint. A response with another status than 2xx may have one in
	// the header Warren-Checkpoint, and the next request has it in the same header. It is
	// JSON in ASCII, at most 4 KiB; another value is added to the text of the failure.
	Checkpoints bool

	// Timeout is the limit for a request and its response. Zero means 30 s.
	Timeout time.Duration
	// DialTimeout is the limit for opening a TCP connection. Zero means 10 s.
	DialTimeout time.Duration
	// TLSTimeout is the limit for the TLS handshake. Zero means 10 s.
	TLSTimeout time.Duration
	// HeaderTimeout is the limit for the response's status and headers. Zero means that
	// only Timeout applies.
	HeaderTimeout time.Duration
	// MaxRetryAfter is the longest pause that a server may ask for. Zero means 1 h.
	MaxRetryAfter time.Duration
	// MaxConnections is the highest number of connections, idle ones included. Zero means
	// no limit.
	MaxConnections int

	// CAFile is a PEM file of the trusted certificate authorities. Empty means the
	// system's.
	CAFile string
	// CertFile and KeyFile are PEM files of a client certificate. Empty means none. They
	// are read at each handshake, so they can be replaced at any time.
	CertFile, KeyFile string
	// AllowPrivate allows addresses that are not public, such as loopback, private and
	// link-local ones. The address is checked after the name was resolved.
	AllowPrivate bool
}

// Header is a header of each request.
type Header struct {
	Name  string
	Value Secret
}

// Validate returns all faults of w in one error, which does not contain secrets. It does
// not read the files.
func (w Webhook) Validate() error {
	f := check.Of("job")
	w.validateURL(f)
	seen := make(map[string]bool, len(w.Headers))
	for i, h := range w.Headers {
		name := http.CanonicalHeaderKey(h.Name)
		f.Addf(seen[name], "Headers[%d] is %s, want each header once", i, h.Name)
		seen[name] = true
		f.Addf(!isToken(h.Name), "Headers[%d] is named %q, want a header's name", i, h.Name)
		f.Addf(slices.Contains(notOurs, name), "Headers[%d] is %s, want a header that net/http does not set itself", i, h.Name)
		if h.Value.text != nil {
			err := checkHeaderValue(*h.Value.text)
			f.Addf(err != nil, "Headers[%d], %s: %w", i, h.Name, err)
		}
	}
	for i, key := range w.SigningKeys {
		if key.file == "" {
			_, err := signingKey(key)
			f.Addf(err != nil, "SigningKeys[%d]: %w", i, err)
		}
	}
	for _, d := range []struct {
		name  string
		value time.Duration
	}{
		{"Timeout", w.Timeout},
		{"DialTimeout", w.DialTimeout},
		{"TLSTimeout", w.TLSTimeout},
		{"HeaderTimeout", w.HeaderTimeout},
		{"MaxRetryAfter", w.MaxRetryAfter},
	} {
		f.Addf(d.value < 0, "%s is %v, want 0 or more", d.name, d.value)
	}
	w.Emits.validate(f)
	w.Replies.validate(f, true)
	f.Addf(w.Emits != nil && w.Replies != nil, "Emits and Replies are set, want one of them: both use the response")
	f.Addf(w.MaxConnections < 0, "MaxConnections is %d, want 0 or more", w.MaxConnections)
	f.Addf((w.CertFile == "") != (w.KeyFile == ""), "CertFile is %q and KeyFile is %q, want both or neither", w.CertFile, w.KeyFile)
	f.Addf(!w.CloudEvents && w.Source != "", "Source is set, want none without CloudEvents")
	return f.Err()
}

func (w Webhook) validateURL(f *check.Faults) {
	u, err := url.Parse(w.URL)
	if err != nil { // not added to the fault, because its text contains the URL
		f.Addf(true, "URL cannot be parsed, want a URL such as https://example.com/hooks")
		return
	}
	f.Addf(u.Scheme != "http" && u.Scheme != "https", "URL has the scheme %q, want http or https", u.Scheme)
	f.Addf(u.Hostname() == "", "URL has no host, want one")
	f.Addf(u.User != nil, "URL has a user, want it in an Authorization header in Headers")
	f.Addf(u.Scheme == "http" && w.CAFile+w.CertFile != "", "URL is http, want https with CAFile, CertFile and KeyFile")
}

// Handler returns the handler of w. It returns the error of Validate, or an error if a
// file cannot be read.
func (w Webhook) Handler() (Handler, error) {
	if err := w.Validate(); err != nil {
		return nil, err
	}
	c, err := newClient(w.withDefaults())
	if err != nil {
		return nil, err
	}
	return handlerOf(c.respond, c, w.Replies), nil
}

func (w Webhook) withDefaults() Webhook {
	w.Timeout = cmp.Or(w.Timeout, 30*time.Second)
	w.DialTimeout = cmp.Or(w.DialTimeout, 10*time.Second)
	w.TLSTimeout = cmp.Or(w.TLSTimeout, 10*time.Second)
	w.MaxRetryAfter = cmp.Or(w.MaxRetryAfter, time.Hour)
	return w
}

// place returns the scheme and host of the URL, for errors and logs. The path may be a
// secret.
func (w Webhook) place() string {
	u, err := url.Parse(w.URL)
	if err != nil {
		return "?"
	}
	return u.Scheme + "://" + u.Host
}

// String returns the scheme and host that w posts to, without secrets.
func (w Webhook) String() string { return "job.Webhook{" + w.place() + "}" }

// Format writes String for every verb of fmt.
func (w Webhook) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, w.String()) }

// LogValue returns String, for structured logs.
func (w Webhook) LogValue() slog.Value { return slog.StringValue(w.String()) }

// notOurs are the headers that net/http sets or ignores.
var notOurs = []string{"Host", "Content-Length", "Transfer-Encoding", "Connection", "Trailer", "Upgrade"}

func isToken(s string) bool {
	const others = "!#$%&'*+-.^_`|~"
	return s != "" && strings.IndexFunc(s, func(r rune) bool {
		return !isLetterOrDigit(r) && !strings.ContainsRune(others, r)
	}) < 0
}

func isLetterOrDigit(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
}
