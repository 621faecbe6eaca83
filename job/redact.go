package job

import (
	"html"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Parts of a URL or a header that are shorter are words rather than secrets, and are kept in texts.
const (
	minSecret  = 4  // of a whole path or query, and of a header
	minValue   = 8  // of one value of a query
	minSegment = 16 // of a part of a path
)

// redact replaces the secrets of a request in a text of its server. Servers repeat the path and
// the query of the URL, and the values of headers.
func (c *client) redact(s string, sent http.Header) string {
	for _, secret := range c.secrets(sent) {
		s = strings.ReplaceAll(s, secret, "****")
	}
	return s
}

// secrets returns the secrets of a request in the forms that servers write, the longest first, so
// that no part of a secret is left.
func (c *client) secrets(sent http.Header) (all []string) {
	add := func(shortest int, parts ...string) {
		for _, part := range parts {
			if len(part) >= shortest {
				all = append(all, part, html.EscapeString(part), strings.ReplaceAll(part, "/", `\/`)) // PHP escapes slashes in JSON
			}
		}
	}
	for _, own := range c.Headers {
		value := sent.Get(own.Name)
		_, credentials, _ := strings.Cut(value, " ") // after Bearer or Basic
		add(minSecret, value, strings.TrimSpace(credentials))
	}
	if u, err := url.Parse(c.URL); err == nil {
		add(minSecret, u.EscapedPath(), u.Path, u.RawQuery)
		add(minSegment, append(strings.Split(u.Path, "/"), strings.TrimPrefix(u.Path, "/"))...)
		for _, values := range u.Query() {
			add(minValue, values...)
		}
	}
	slices.SortFunc(all, func(a, b string) int { return len(b) - len(a) })
	return slices.Compact(all)
}

// redactEnd redacts the beginning of a longer text, which may end within a secret.
func (c *client) redactEnd(s string, sent http.Header) string {
	secrets := c.secrets(sent)
	s = c.redact(s, sent)
	if len(secrets) == 0 {
		return s
	}
	return s[:max(len(s)-len(secrets[0]), 0)]
}

// redacted is an error with another text.
type redacted struct {
	error

	text string
}

func (e *redacted) Error() string { return e.text }
func (e *redacted) Unwrap() error { return e.error }

// redactError returns err with its text redacted. The text may contain a secret that was cut off.
func (c *client) redactError(err error, sent http.Header) error {
	text := c.redact(err.Error(), sent)
	for _, secret := range c.secrets(sent) {
		for n := len(secret) - 1; n >= minSecret && strings.Contains(text, ellipsis); n-- {
			text = strings.ReplaceAll(text, secret[:n]+ellipsis, "****"+ellipsis)
		}
	}
	if text != err.Error() {
		return &redacted{err, text}
	}
	return err
}
