package broker

import (
	"errors"
	"fmt"
	"net/url"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Redact returns rawURL with its password hidden, for logs and errors.
func Redact(rawURL string) string {
	u, err := url.Parse(rawURL)
	if err != nil {
		return "(a broker URL that cannot be read)"
	}
	return u.Redacted()
}

// parseURL reads an AMQP URL. Its errors never quote the URL: that may hold a
// password, readable or not.
func parseURL(raw string) (amqp.URI, error) {
	uri, err := amqp.ParseURI(raw)
	if err == nil {
		return uri, nil
	}
	if bad, ok := errors.AsType[*url.Error](err); ok {
		if _, ok := errors.AsType[url.EscapeError](bad.Err); !ok {
			err = errors.New("it does not parse")
		} else {
			err = errors.New("it has a bad %-escape; write special characters of the password as %XX")
		}
	}
	return uri, fmt.Errorf("broker: broker URL: %w; want amqp://user:password@host:port/vhost", err)
}

// hasUser says whether raw names a user, so that PLAIN is meant.
func hasUser(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && u.User != nil
}
