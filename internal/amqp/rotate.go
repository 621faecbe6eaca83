package amqp

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/warren-mq/warren/internal/panics"
)

// current returns c with the values that Reload and Credentials return now. A panic of theirs is
// an error.
func (c Config) current(ctx context.Context) (now Config, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.DialTimeout)
	defer cancel()
	if caught := panics.Catch(func() { now, err = c.renewed(ctx) }); caught != nil {
		return c, fmt.Errorf("broker: read the credentials or the configuration: %w", caught)
	}
	return now, err
}

func (c Config) renewed(ctx context.Context) (Config, error) {
	if c.Reload != nil {
		var err error
		if c.URLs, c.TLS, err = c.Reload(ctx); err != nil {
			return c, fmt.Errorf("broker: reload the configuration: %w", err)
		}
		c.URL, c.Reload = "", nil
		if err := c.Validate(); err != nil {
			return c, err
		}
	}
	if c.Credentials == nil {
		return c, nil
	}
	user, password, err := c.Credentials(ctx)
	if err != nil {
		return c, fmt.Errorf("broker: read the credentials: %w", err)
	}
	return c.withCredentials(user, password)
}

// withCredentials returns c with the user and the password in each of its URLs.
func (c Config) withCredentials(user, password string) (Config, error) {
	urls := c.urls()
	c.URL, c.URLs = "", make([]string, len(urls))
	for i, raw := range urls {
		u, err := url.Parse(raw)
		if err != nil {
			return c, errors.New("broker: put the credentials into the URL: the URL cannot be parsed") // err may show a password
		}
		u.User = url.UserPassword(user, password)
		c.URLs[i] = u.String()
	}
	return c, nil
}
