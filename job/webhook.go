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

// Webhook posts each message to a URL. The body is that of the message, with its
// Content-Type and Content-Encoding. These headers tell the rest, where there is
// something to tell:
//
//	Warren-Message-Id  Warren-Attempt  Warren-Queue  Warren-Exchange  Warren-Routing-Key
//	Warren-Type  Warren-Correlation-Id  Warren-Reply-To  Warren-App-Id
//	Warren-Timestamp (RFC 3339)  Warren-Priority  Warren-Redelivered (true or false)
//	Traceparent  Tracestate  Baggage
//	Warren-Header-X-Tenant for a header x-tenant, and so on
//
// Headers of more than 1 KiB, and those beyond 8 KiB in all, are left out.
//
// The status of the response decides: 2xx is done; 408, 425, 429 and 5xx are tried
// again, after the pause that Retry-After asks for if it is there; every other makes a
// dead letter. Redirects are not followed: a 3xx is a dead letter as well. No response
// is tried again. At most 16 KiB of a response are read, and the end of that is the text of
// the failure. Errors name the URL's scheme and host alone.
//
// Connections are kept and used again, HTTP/2 where the server has it. Proxies of the
// environment are not used.
type Webhook struct {
	// URL is http or https, without user and password: an Authorization header has
	// them.
	URL string
	// Headers are sent with each request, and win over those above.
	Headers []Header

	// CloudEvents adds the attributes of CloudEvents 1.0 in binary mode: ce-specversion,
	// ce-id (the message id), ce-source, ce-type (the message's type, else its routing
	// key) and ce-time. Attributes that the message has by CloudEvents' AMQP binding,
	// in headers cloudEvents:NAME or cloudEvents_NAME, win over these.
	CloudEvents bool
	// Source is ce-source; /EXCHANGE if empty, or /QUEUE for the default exchange.
	Source string

	// SigningKeys sign each request as Standard Webhooks has it; none if empty. The
	// headers webhook-id (the message id), webhook-timestamp (seconds since 1970) and
	// webhook-signature are added. The last has, for each key and separated by spaces,
	// "v1," and the base64 of the HMAC-SHA256 of ID.TIMESTAMP.BODY. A key that begins
	// with whsec_ is base64 from there on, any other is taken as it is; both have 16 bytes or more.
	SigningKeys []Secret

	// Timeout bounds a request and its response; 30s if zero.
	Timeout time.Duration
	// DialTimeout bounds the making of a TCP connection; 10s if zero.
	DialTimeout time.Duration
	// TLSTimeout bounds the TLS handshake; 10s if zero.
	TLSTimeout time.Duration
	// HeaderTimeout bounds the wait for the head of the response; Timeout does if zero.
	HeaderTimeout time.Duration
	// MaxRetryAfter is the longest pause a server may ask for; 1h if zero.
	MaxRetryAfter time.Duration
	// MaxConnections bounds the connections, those in use included; unbounded if zero.
	MaxConnections int

	// CAFile is a PEM file of the authorities to trust; those of the system if empty.
	CAFile string
	// CertFile and KeyFile are PEM files of a client certificate; none if empty. They
	// are read at each handshake, so that they may be renewed.
	CertFile, KeyFile string
	// AllowPrivate allows addresses that are not of the public internet, such as
	// loopback, private and link-local ones. Whatever the name resolves to is checked
	// as it is dialled.
	AllowPrivate bool
}

// Header is a header of each request.
type Header struct {
	Name  string
	Value Secret
}

// Validate reports everything that is wrong with w, in one error, and never a secret.
// It does not look at the files.
func (w Webhook) Validate() error {
	f := check.Of("job")
	w.validateURL(f)
	for i, h := range w.Headers {
		f.Addf(!isToken(h.Name), "Headers[%d] is named %q, want a header's name", i, h.Name)
		f.Addf(slices.Contains(notOurs, http.CanonicalHeaderKey(h.Name)), "Headers[%d] is %s, which HTTP sets itself", i, h.Name)
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
	f.Addf(w.MaxConnections < 0, "MaxConnections is %d, want 0 or more", w.MaxConnections)
	f.Addf((w.CertFile == "") != (w.KeyFile == ""), "CertFile is %q and KeyFile is %q, want both or neither", w.CertFile, w.KeyFile)
	f.Addf(!w.CloudEvents && w.Source != "", "Source has no meaning without CloudEvents")
	return f.Err()
}

func (w Webhook) validateURL(f *check.Faults) {
	u, err := url.Parse(w.URL)
	if err != nil { // whose text has the URL in it
		f.Addf(true, "URL cannot be parsed, want such as https://example.com/hooks")
		return
	}
	f.Addf(u.Scheme != "http" && u.Scheme != "https", "URL has the scheme %q, want http or https", u.Scheme)
	f.Addf(u.Hostname() == "", "URL has no host")
	f.Addf(u.User != nil, "URL has a user, want an Authorization header in Headers")
	f.Addf(u.Scheme == "http" && w.CAFile+w.CertFile != "", "URL is http, which has no use for CAFile, CertFile and KeyFile")
}

// Handler returns the handler of w, what Validate says, or that a file cannot be read.
func (w Webhook) Handler() (Handler, error) {
	if err := w.Validate(); err != nil {
		return nil, err
	}
	c, err := newClient(w.withDefaults())
	if err != nil {
		return nil, err
	}
	return c, nil
}

func (w Webhook) withDefaults() Webhook {
	w.Timeout = cmp.Or(w.Timeout, 30*time.Second)
	w.DialTimeout = cmp.Or(w.DialTimeout, 10*time.Second)
	w.TLSTimeout = cmp.Or(w.TLSTimeout, 10*time.Second)
	w.MaxRetryAfter = cmp.Or(w.MaxRetryAfter, time.Hour)
	return w
}

// place is what errors and logs show of the URL: its path may be a secret.
func (w Webhook) place() string {
	u, err := url.Parse(w.URL)
	if err != nil {
		return "?"
	}
	return u.Scheme + "://" + u.Host
}

// String shows where w posts to, and nothing that may be secret.
func (w Webhook) String() string { return "job.Webhook{" + w.place() + "}" }

// Format is String for every verb of fmt.
func (w Webhook) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, w.String()) }

// LogValue is String, for structured logs.
func (w Webhook) LogValue() slog.Value { return slog.StringValue(w.String()) }

// notOurs are the headers that net/http sets, or would ignore.
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
