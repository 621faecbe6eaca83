package amqp

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	amqp091 "github.com/rabbitmq/amqp091-go"
)

// Redact returns rawURL with its password hidden, for logs and errors. It shows no part of
// a text that does not look like a broker URL, because a password may be anywhere in it.
func Redact(rawURL string) string {
	u, err := url.Parse(rawURL)
	switch {
	case err != nil, u.Scheme != "amqp" && u.Scheme != "amqps", u.Opaque != "", u.Host == "",
		strings.Contains(u.Path+u.RawQuery+u.Fragment, "@"):
		return "(not a broker URL)"
	}
	return u.Redacted()
}

// parseURL parses an AMQP URL. Its errors never quote the URL, because it may contain a
// password even if it cannot be parsed.
func parseURL(raw string) (amqp091.URI, error) {
	uri, err := amqp091.ParseURI(raw)
	if u, parseErr := url.Parse(raw); parseErr == nil && u.Opaque != "" {
		err = errors.New("it has no // after the scheme")
	}
	if err == nil && (uri.Port < 1 || uri.Port > 65535) {
		err = fmt.Errorf("the port is %d, want 1 to 65535", uri.Port)
	}
	if isCutShort(raw) {
		return uri, errors.New("broker: broker URL: a / ? or # stands before the @: write special characters of user and password as %XX: / as %2F, ? as %3F, # as %23, @ as %40")
	}
	if err == nil {
		return uri, nil
	}
	if bad, ok := errors.AsType[*url.Error](err); ok {
		if _, ok := errors.AsType[url.EscapeError](bad.Err); !ok {
			err = errors.New("it cannot be parsed")
		} else {
			err = errors.New("it has a bad %-escape; write special characters of the password as %XX")
		}
	}
	return uri, fmt.Errorf("broker: broker URL: %w; want amqp://user:password@host:port/vhost or amqps://", err)
}

// isCutShort reports whether a character of the password ends the host too early. The text
// before that character is then not the host, and the text behind it may be secret.
func isCutShort(raw string) bool {
	_, rest, _ := strings.Cut(raw, "://")
	end := strings.IndexAny(rest, "/?#")
	return end >= 0 && end < strings.LastIndex(rest, "@")
}

// hasUser reports whether raw names a user, which selects the mechanism PLAIN.
func hasUser(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && u.User != nil
}
