package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/warren-mq/warren/broker"
	"github.com/warren-mq/warren/schedule"
)

// formats returns the checks of single texts, by their names in the schema. The errors say
// what is wanted, and do not quote the text, because it may be a secret.
func formats() map[string]func(text string) error {
	return map[string]func(string) error{
		"duration-units":   func(text string) error { _, err := parseDuration(text); return err },
		"duration-or-none": checkLimit,
		"byte-size":        func(text string) error { _, err := parseSize(text); return err },
		"broker-url":       checkBrokerURL,
		"webhook-url":      checkWebhookURL,
		"listen":           checkListen,
		"cron":             checkCron,
		"timezone":         checkTimezone,
		"order-by":         checkOrderBy,
		"header-name":      checkHeaderName,
		"env-entry":        checkEnv,
	}
}

func checkLimit(text string) error {
	if _, err := parseDuration(text); err != nil && text != none {
		return fmt.Errorf(`%w, or "none"`, err)
	}
	return nil
}

func checkBrokerURL(text string) error {
	if text == "" || text == Embedded {
		return nil
	}
	if err := (broker.Config{URL: text}).Validate(); err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), "broker: broker URL: "))
	}
	return nil
}

func checkWebhookURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return errors.New("want a URL such as https://example.com/hooks")
	case u.Scheme != "http" && u.Scheme != "https":
		return errors.New("want a URL that begins with https:// or http://")
	case u.Hostname() == "":
		return errors.New("it has no host, want a URL such as https://example.com/hooks")
	case u.User != nil:
		return errors.New("it has a user, want it in an Authorization header in headers")
	}
	return nil
}

func checkManagementURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "":
		return errors.New("want a URL such as http://user:password@localhost:15672")
	case u.RawQuery != "", u.Fragment != "":
		return errors.New("it has a ? or #, want a URL such as http://user:password@localhost:15672; write special characters of the password as %XX")
	}
	return nil
}

func checkListen(text string) error {
	if text == none {
		return nil
	}
	_, port, err := net.SplitHostPort(text)
	if err != nil {
		return errors.New(`want HOST:PORT such as "127.0.0.1:8081", or "none"`)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return errors.New("the port is not a number from 0 to 65535")
	}
	return nil
}

func checkCron(text string) error {
	return entryError(schedule.Entry{Name: "x", Key: "x", Cron: text}, "Cron")
}

func checkTimezone(text string) error {
	err := entryError(schedule.Entry{Name: "x", Key: "x", Cron: "@daily", Timezone: text}, "Timezone")
	if err != nil {
		return fmt.Errorf("%w%s", err, suggestZone(text))
	}
	return nil
}

// entryError returns the fault that package schedule reports for a field.
func entryError(e schedule.Entry, field string) error {
	err := e.Validate()
	if err == nil {
		return nil
	}
	_, text, found := strings.Cut(err.Error(), "want ")
	if !found {
		return fmt.Errorf("this is not a valid %s", strings.ToLower(field))
	}
	return errors.New("want " + text)
}

func checkOrderBy(text string) error {
	name, isHeader := strings.CutPrefix(text, "header:")
	switch {
	case isHeader && name != "", text == "", text == "routing_key", text == "correlation_id", text == "type":
		return nil
	}
	return errors.New("want header:NAME, routing_key, correlation_id or type")
}

var token = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

func checkHeaderName(text string) error {
	if !token.MatchString(text) {
		return errors.New("want a header's name such as X-Token")
	}
	return nil
}

var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func checkEnv(text string) error {
	name, value, _ := strings.Cut(text, "=")
	switch {
	case !envName.MatchString(name):
		return errors.New("want NAME or NAME=value")
	case strings.HasPrefix(name, "WARREN_"):
		return errors.New("want a name without the prefix WARREN_: these variables are set for each message")
	case strings.Contains(value, "\x00"):
		return errors.New("it has a NUL character")
	}
	return nil
}
