package deadletter

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	maxFilter  = 16 << 10 // bytes of a filter's text
	headerTerm = "header."
)

// terms are the names in the text of a filter, headers aside.
var terms = []string{"id", "fingerprint", "reason", "error", "key", "since", "until", "limit"}

// ParseFilter reads a filter from text such as
//
//	reason=permanent,key=user.*,since=2h,header.tenant=blue,error="timeout, again",limit=100
//
// Each name may stand once. A time is an RFC 3339 time, or a duration such as 90m or
// 7d before now. What has a comma, an equals sign or a space at its ends is put in
// double quotes, as in Go. The empty text chooses all.
func ParseFilter(text string) (Filter, error) {
	p := filterParser{rest: text, now: time.Now(), seen: make(map[string]bool)}
	if len(text) > maxFilter {
		return Filter{}, fmt.Errorf("deadletter: a filter of %d bytes, want at most %d", len(text), maxFilter)
	}
	for p.rest = strings.TrimSpace(p.rest); p.rest != ""; {
		if err := p.term(); err != nil {
			return Filter{}, fmt.Errorf("deadletter: filter, at byte %d: %w", len(text)-len(p.rest)+1, err)
		}
	}
	return p.filter, nil
}

type filterParser struct {
	rest   string
	now    time.Time
	seen   map[string]bool
	filter Filter
}

// term reads one name=value and the comma behind it.
func (p *filterParser) term() error {
	rest, isHeader := strings.CutPrefix(strings.TrimLeft(p.rest, " \t"), headerTerm)
	name, rest, err := word(rest, "=")
	if err != nil {
		return err
	}
	if !strings.HasPrefix(rest, "=") {
		return fmt.Errorf("%q has no value, want name=value", name)
	}
	value, rest, err := word(rest[1:], ",")
	if err != nil {
		return err
	}
	if rest != "" && rest[0] != ',' {
		return fmt.Errorf("%q behind a value in quotes, want a comma", rest)
	}
	if err := p.set(name, value, isHeader); err != nil {
		return err
	}
	if p.rest = strings.TrimPrefix(rest, ","); rest == "," {
		return errors.New("a comma at the end, want another name=value")
	}
	return nil
}

// word reads up to one of the ends, or a text in quotes.
func word(s, ends string) (text, rest string, err error) {
	s = strings.TrimLeft(s, " \t")
	if !strings.HasPrefix(s, `"`) {
		end := strings.IndexAny(s, ends)
		if end < 0 {
			end = len(s)
		}
		return strings.TrimSpace(s[:end]), s[end:], nil
	}
	prefix, err := strconv.QuotedPrefix(s)
	if err != nil {
		return "", s, fmt.Errorf("%s has no end, want another double quote", s)
	}
	text, err = strconv.Unquote(prefix)
	return text, strings.TrimLeft(s[len(prefix):], " \t"), err
}

func (p *filterParser) set(name, value string, isHeader bool) error {
	if isHeader {
		if _, twice := p.filter.Headers[name]; twice || name == "" {
			return fmt.Errorf("header %q, want each once and with a name", name)
		}
		if p.filter.Headers == nil {
			p.filter.Headers = make(map[string]string)
		}
		p.filter.Headers[name] = value
		return nil
	}
	switch {
	case !slices.Contains(terms, name):
		return fmt.Errorf("%q is no part of a filter, want one of %s, header.NAME", name, strings.Join(terms, ", "))
	case p.seen[name]:
		return fmt.Errorf("%s stands there twice", name)
	case value == "":
		return fmt.Errorf("%s is empty", name)
	}
	p.seen[name] = true
	return p.field(name, value)
}

func (p *filterParser) field(name, value string) (err error) {
	f := &p.filter
	switch name {
	case "id":
		f.ID = value
	case "fingerprint":
		f.Fingerprint = value
	case "reason":
		f.Reason = value
	case "error":
		f.Error = value
	case "key":
		f.Key, err = value, checkPattern(value)
	case "since":
		f.Since, err = p.time(value)
	case "until":
		f.Until, err = p.time(value)
	case "limit":
		if f.Limit, err = strconv.Atoi(value); err != nil || f.Limit < 1 {
			return fmt.Errorf("limit is %q, want a number, 1 or more", value)
		}
	}
	return err
}

// maxAge keeps durations within what time can say.
const maxAge = 100 * 366

func (p *filterParser) time(value string) (time.Time, error) {
	if days, ok := strings.CutSuffix(value, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n >= 0 && n <= maxAge {
			return p.now.AddDate(0, 0, -n).UTC(), nil
		}
	}
	if d, err := time.ParseDuration(value); err == nil && d >= 0 {
		return p.now.Add(-d).UTC(), nil
	}
	t, err := time.Parse(time.RFC3339, value)
	if err != nil || t.IsZero() {
		return t, fmt.Errorf("%q is no time, want one such as 2h, 7d or 2026-01-31T08:00:00Z", value)
	}
	return t.UTC(), nil
}
